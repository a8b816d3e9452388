import MantaHTTP
import NIOSSL

/// A certificate chain and its key as NIO's TLS takes them.
///
/// A connection keeps the one that it began with, so a new one is a matter of those that come later.
struct TLSContext: Sendable {
    let context: NIOSSLContext

    /// Reads the files, and finds out whether they belong together.
    ///
    /// - Throws: ``HTTPServerError`` with what is wrong with each of them.
    /// - Note: Blocks on the files.
    init(_ files: TLSFiles) throws(HTTPServerError) {
        var (chain, key) = ([NIOSSLCertificate](), NIOSSLPrivateKey?.none)
        let faults =
            HTTPServerError.faults { () throws(HTTPServerError) in
                chain = try Self.parsed(files.certificate, "no certificate") { try NIOSSLCertificate.fromPEMBytes($0) }
            }
            + HTTPServerError.faults { () throws(HTTPServerError) in
                key = try Self.parsed(files.key, "no private key") { try NIOSSLPrivateKey(bytes: $0, format: .pem) }
            }
        guard faults.isEmpty, let key else { throw HTTPServerError(faults) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["grpc-exp", "h2"]
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw HTTPServerError("it can't be used with the key \(files.key)", file: files.certificate)
        }
    }

    private static func parsed<Value>(
        _ path: String, _ nothing: String, _ parse: ([UInt8]) throws -> Value
    ) throws(HTTPServerError) -> Value {
        let text = try SmallFile(path).text
        guard text.contains("-----BEGIN ") else { throw HTTPServerError("it isn't a PEM file", file: path) }
        do {
            return try parse(Array(text.utf8))
        } catch {
            throw HTTPServerError("there is \(nothing) in it that can be read", file: path)
        }
    }
}
