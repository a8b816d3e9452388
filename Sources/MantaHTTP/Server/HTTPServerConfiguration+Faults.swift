#if canImport(Glibc)
    import Glibc
#endif

extension HTTPServerConfiguration {
    /// What is wrong with the configuration, as far as it can be told without opening the listener.
    ///
    /// - Note: Reads the files of the certificate and the credentials; call it at start.
    public var faults: [HTTPServerError.Fault] {
        HTTPServerError.faults { () throws(HTTPServerError) in try checkExposure() }
            + HTTPServerError.faults { () throws(HTTPServerError) in if let tls { _ = try TLSCertificate(tls) } }
            + HTTPServerError.faults { () throws(HTTPServerError) in
                if let credentials { _ = try TokenSet(file: credentials) }
            }
    }

    /// Refuses to let other machines change what is served, unless that is asked for.
    func checkExposure() throws(HTTPServerError) {
        guard isForOperators, credentials == nil, !isInsecureAllowed, !listensOnThisMachineOnly else { return }
        throw HTTPServerError(
            "the \(name) listener would be open to other machines on \(HTTPAddress(host: host, port: port)) without "
                + "credentials, and whoever reaches it can change what is served: name a file of tokens in "
                + "\(name).credentials, listen on this machine only (\(name).listen: 127.0.0.1:\(port)), or say "
                + "\(name).insecure: true if nobody else can reach that address")
    }

    /// Whether only this machine can reach the listener.
    package var listensOnThisMachineOnly: Bool { HTTPAddress(host: host, port: port).isThisMachineOnly }
}

extension HTTPAddress {
    /// Whether only this machine can reach it. Names other than `localhost` count as reachable, whatever they stand for.
    package var isThisMachineOnly: Bool { host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true }
}

/// An address as text, IPv4 or IPv6.
struct IPAddress {
    /// Whether it is this machine's own, which no other can reach.
    let isLoopback: Bool

    /// The address of this text, without brackets; `nil` for names.
    init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            isLoopback = UInt32(bigEndian: v4.s_addr) >> 24 == 127
        } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
            isLoopback = unsafe withUnsafeBytes(of: &v6) { unsafe $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
        } else {
            return nil
        }
    }
}
