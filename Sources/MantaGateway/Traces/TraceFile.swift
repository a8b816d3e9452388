import MantaCore

#if canImport(Glibc)
    import Glibc
#endif

/// A file with a JSON array, which is whole after each record that is added.
///
/// So it can be read while the server runs, and after it was killed: each write puts a record and the closing bracket in
/// the place of the bracket before. (Lines of JSON would need no such trick, but who reads Triton's traces expects an array.)
@safe struct TraceFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    /// Where the closing bracket is.
    private var end: Int
    /// How many times something was added.
    private(set) var count = 0

    private static let opening = "["
    private static let closing = "\n]\n"

    /// Makes the file, or empties one that is there.
    ///
    /// - Throws: ``ServingError`` with what the system says.
    init(path: String) throws(ServingError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        end = Self.opening.utf8.count
        guard descriptor >= 0 else { throw Self.failure(path) }
        // Opened, so from here on it is closed with this value.
        try write(Self.opening + Self.closing, at: 0)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Adds records, which have commas between them.
    ///
    /// - Throws: ``ServingError`` with what the system says. The file is as it was then, as far as possible.
    mutating func append(_ records: String) throws(ServingError) {
        let added = (count == 0 ? "\n" : ",\n") + records
        do throws(ServingError) {
            try write(added + Self.closing, at: end)
        } catch {
            _ = ftruncate(descriptor, end)
            try write(Self.closing, at: end)
            throw error
        }
        end += added.utf8.count
        count += 1
    }

    private func write(_ text: String, at offset: Int) throws(ServingError) {
        var text = text
        let isWritten = text.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                guard let start = bytes.baseAddress else { return true }
                let result = unsafe pwrite(descriptor, start + written, bytes.count - written, offset + written)
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { return false }
                written += result
            }
            return true
        }
        guard isWritten else { throw Self.failure(path) }
    }

    private static func failure(_ path: String) -> ServingError {
        ServingError(.internal, "the trace file \(path): \(unsafe String(cString: strerror(errno)))")
    }
}
