import MantaThreads

#if canImport(Glibc)
    import Glibc
#endif

/// A file, or standard input, read piece by piece, so that it may be larger than memory or never end.
package struct ByteSource: Sendable {
    /// What messages call it.
    package let name: String
    /// The next bytes; none at the end.
    let next: @Sendable () async throws -> [UInt8]

    /// Bytes that come from `next`, which gives none at their end.
    package init(name: String, next: @escaping @Sendable () async throws -> [UInt8]) {
        self.name = name
        self.next = next
    }

    /// Calls `body` with a file's bytes.
    ///
    /// - Parameters:
    ///   - path: The file; `-` is standard input.
    ///   - body: Reads them.
    /// - Returns: What `body` does.
    /// - Throws: What `body` throws, or ``ClientError`` if the file can't be opened.
    package static func open<Result: Sendable>(
        _ path: String, _ body: (ByteSource) async throws -> Result
    ) async throws -> Result {
        guard path != "-" else { return try await body(ByteSource(name: "standard input", descriptor: STDIN_FILENO)) }
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ClientError(.data, "\(path): can't be read: \(unsafe String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        return try await body(ByteSource(name: path, descriptor: descriptor))
    }

    private init(name: String, descriptor: Int32) {
        self.init(name: name) {
            // A terminal or a pipe may take as long as it likes.
            try await Thread.run(name: "input") { () throws(ClientError) in
                var bytes = [UInt8](repeating: 0, count: 256 << 10)
                let count = unsafe read(descriptor, &bytes, bytes.count)
                guard count >= 0 else {
                    throw ClientError(.data, "\(name): can't be read: \(unsafe String(cString: strerror(errno)))")
                }
                return Array(bytes[..<count])
            }
        }
    }
}
