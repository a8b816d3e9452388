public import MantaConfig
public import MantaHTTP

extension GRPCServerConfiguration {
    /// What is wrong with the configuration, as far as it can be told without opening the listener.
    ///
    /// - Note: Reads the files of the certificate and the credentials; call it at start.
    public var faults: [HTTPServerError.Fault] {
        guard endpoint != nil else { return [] }
        return HTTPServerError.faults { () throws(HTTPServerError) in if let tls { _ = try TLSCertificate(tls) } }
            + HTTPServerError.faults { () throws(HTTPServerError) in
                if let credentials { _ = try TokenSet(file: credentials) }
            }
    }
}
