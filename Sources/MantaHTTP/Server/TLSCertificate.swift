import CMantaHTTP

/// A certificate chain and its key as GnuTLS takes them.
///
/// A connection keeps the one that it began with alive, so a new one is a matter of those that come later.
///
/// Unchecked Sendable: the pointer is constant, and GnuTLS only reads what it leads to once it is made.
@safe package final class TLSCertificate: @unchecked Sendable {
    private let raw: OpaquePointer

    /// Reads the files, and finds out whether they belong together.
    ///
    /// - Throws: ``HTTPServerError`` with what is wrong with each of them.
    /// - Note: Blocks on the files.
    package init(_ files: TLSFiles) throws(HTTPServerError) {
        var (certificate, key) = ("", "")
        let faults =
            HTTPServerError.faults { () throws(HTTPServerError) in certificate = try Self.text(files.certificate) }
            + HTTPServerError.faults { () throws(HTTPServerError) in key = try Self.text(files.key) }
        guard faults.isEmpty else { throw HTTPServerError(faults) }
        var made: OpaquePointer?
        let code = unsafe manta_certificate_make(certificate, key, &made)
        guard code == 0, let made = unsafe made else {
            let reason = unsafe manta_certificate_fault(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            throw HTTPServerError("it can't be used with the key \(files.key): \(reason)", file: files.certificate)
        }
        unsafe raw = made
    }

    deinit { unsafe manta_certificate_free(raw) }

    /// Gives it to a connection that has just started, on the connection's thread.
    func use(for connection: OpaquePointer) {
        unsafe manta_certificate_use(raw, connection)
    }

    /// Begins with the encryption of a connection that isn't libmicrohttpd's; `nil` if there is no memory for it.
    func start(on socket: Int32) -> OpaquePointer? { unsafe manta_tls_start(raw, socket) }

    private static func text(_ path: String) throws(HTTPServerError) -> String {
        let text = try SmallFile(path).text
        guard text.contains("-----BEGIN ") else { throw HTTPServerError("it isn't a PEM file", file: path) }
        return text
    }
}
