#if canImport(Glibc)
    import Glibc
#endif

/// Reads certificates and keys.
enum PEMFile {
    /// Why a file can't be used.
    struct Failure: Error {
        let reason: String
    }

    /// The file's text.
    static func read(_ path: String) throws(Failure) -> String {
        guard let file = unsafe fopen(path, "r") else {
            throw Failure(reason: "it can't be read: \(unsafe String(cString: strerror(errno)))")
        }
        defer { unsafe fclose(file) }
        // A chain of certificates takes a few KiB.
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        guard text.contains("-----BEGIN ") else { throw Failure(reason: "it isn't a PEM file") }
        return text
    }
}
