import Glibc

/// Reads the text of configuration files.
enum SourceText {
    /// The size that a file may have. Far more than anyone writes, and little enough to parse whatever it holds.
    static let maxBytes = 64 << 10

    /// The text of the file at `path`.
    ///
    /// - Throws: ``ConfigurationErrors`` with the reason why there is none.
    static func read(_ path: String) throws(ConfigurationErrors) -> String {
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
        guard count <= maxBytes else {
            throw ConfigurationErrors(path, "is larger than the \(maxBytes >> 10) KiB that a configuration may have")
        }
        return try decode(bytes[..<count], path)
    }

    private static func failure(_ path: String) -> ConfigurationErrors {
        ConfigurationErrors(path, "can't be read: \(unsafe String(cString: strerror(errno)))")
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, _ path: String) throws(ConfigurationErrors) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let text = String(decoding: bytes, as: UTF8.self)
        // Only what came before the first wrong byte counts: a replacement character may also stand in the file.
        var sound = bytes.count
        for (offset, pair) in zip(text.utf8, bytes).enumerated() where pair.0 != pair.1 {
            sound = offset
            break
        }
        let before = bytes.prefix(sound)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count + 1
        throw ConfigurationErrors(faults: [
            ConfigurationFault(file: path, line: line, column: column, message: "is not UTF-8")
        ])
    }
}

extension ConfigurationErrors {
    /// One fault of a whole file or folder.
    init(_ file: String, _ message: String) {
        self.init(faults: [ConfigurationFault(file: file, message: message)])
    }
}
