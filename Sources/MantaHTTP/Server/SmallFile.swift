#if canImport(Glibc)
    import Glibc
#endif

/// A file of text that a listener reads whole: certificates, keys, tokens.
package struct SmallFile {
    /// What it holds.
    package let text: String
    /// Who may do what with it, as in `st_mode`.
    let mode: mode_t
    /// Who owns it.
    let owner: uid_t

    /// Reads a file of at most 1 MiB; a chain of certificates takes a few KiB.
    ///
    /// - Throws: ``HTTPServerError`` that names the file.
    package init(_ path: String) throws(HTTPServerError) {
        guard let file = unsafe fopen(path, "re") else { throw Self.failure(path) }
        defer { unsafe fclose(file) }
        var status = stat()
        guard unsafe fstat(fileno(file), &status) == 0 else { throw Self.failure(path) }
        (mode, owner) = (status.st_mode, status.st_uid)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        guard unsafe ferror(file) == 0 else { throw Self.failure(path) }
        guard count < bytes.count else { throw HTTPServerError("it is larger than 1 MiB", file: path) }
        text = String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func failure(_ path: String) -> HTTPServerError {
        HTTPServerError("it can't be read: \(unsafe String(cString: strerror(errno)))", file: path)
    }
}
