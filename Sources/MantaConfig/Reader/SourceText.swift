import Glibc

/// Reads the text of configuration files.
enum SourceText {
    /// The size that a file may have. Far more than anyone writes, and little enough to parse whatever it holds.
    static let maxBytes = 64 << 10
    /// Says that a file has more.
    static func tooLarge(_ maxBytes: Int) -> String {
        "is larger than the \(ByteSize.text(maxBytes)) that such a file may have"
    }

    /// The text of the file at `path`.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - maxBytes: The size that it may have.
    /// - Returns: The text.
    /// - Throws: ``ConfigurationErrors`` with the reason why there is none.
    static func read(_ path: String, maxBytes: Int = maxBytes) throws(ConfigurationErrors) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
        var count = 0
        while count < bytes.count {
            let length = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                return unsafe Glibc.read(descriptor, rest.baseAddress, rest.count)
            }
            guard length >= 0 else { throw failure(path) }
            if length == 0 { break }
            count += length
        }
        guard count <= maxBytes else { throw ConfigurationErrors(path, tooLarge(maxBytes)) }
        return try decode(bytes[..<count], path)
    }

    private static func failure(_ path: String) -> ConfigurationErrors {
        ConfigurationErrors(path, "can't be read: \(unsafe String(cString: strerror(errno)))")
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, _ path: String) throws(ConfigurationErrors) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        // Where a byte is wrong, decoding puts a replacement character: the first difference is the place.
        guard let (index, _) = zip(text.utf8.indices, zip(text.utf8, bytes)).first(where: { $1.0 != $1.1 }) else {
            return text
        }
        throw ConfigurationErrors(path, at: text.place(of: index), "is not UTF-8")
    }
}
