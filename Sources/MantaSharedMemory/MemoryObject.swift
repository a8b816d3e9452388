#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import MantaCore

/// An open POSIX shared memory object, closed with its last reference.
///
/// Its client may shorten it at any time. Reads and writes then fail, where an access to mapped memory would end the
/// process.
final class MemoryObject: Sendable {
    private let descriptor: Int32
    private let key: String

    /// Opens the object of this name.
    ///
    /// - Parameters:
    ///   - key: A slash, and a name without one.
    ///   - subject: Begins messages.
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    init(key: String, subject: String) throws(ServingError) {
        // The longest name of a file, with the slash before it.
        guard key.utf8.first == UInt8(ascii: "/"), (2...256).contains(key.utf8.count),
            !key.utf8.dropFirst().contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
        else {
            throw ServingError(
                .invalidRequest,
                "\(subject): key \"\(key.prefix(256))\": expected \"/\" and a name of 1 to 255 bytes without another \"/\""
            )
        }
        let opened = unsafe shm_open(key, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0)
        guard opened >= 0 else {
            let reason = errno
            throw ServingError(
                .invalidRequest,
                "\(subject): the shared memory object \"\(key)\" can't be opened: \(Self.words(for: reason))")
        }
        var status = stat()
        guard unsafe fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw ServingError(.invalidRequest, "\(subject): \"\(key)\" isn't a shared memory object")
        }
        descriptor = opened
        self.key = key
    }

    deinit {
        close(descriptor)
    }

    /// How many bytes it has now.
    func byteCount() throws(ServingError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("looked at", errno) }
        return Int(status.st_size)
    }

    /// Fills `target` with the bytes from `offset` on.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(ServingError) {
        var count = 0
        while count < target.count {
            let read = unsafe pread(
                descriptor, target.baseAddress.map { unsafe $0 + count }, target.count - count, off_t(offset + count))
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw failure("read", errno) }
            guard read > 0 else { throw shortened(to: offset + count, from: offset + target.count) }
            count += read
        }
    }

    /// Writes the bytes from `offset` on.
    ///
    /// A write beyond the end would make the object longer, so it goes in steps before each of which the end is looked at.
    /// A client that shortens its object at that very moment can see it grow again, by a step at most.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ServingError) {
        let step = 1 << 20
        var count = 0
        while count < bytes.count {
            let length = min(step, bytes.count - count)
            let end = try byteCount()
            guard offset + count + length <= end else { throw shortened(to: end, from: offset + bytes.count) }
            let written = unsafe pwrite(
                descriptor, bytes.baseAddress.map { unsafe $0 + count }, length, off_t(offset + count))
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw failure("written", written < 0 ? errno : EIO) }
            count += written
        }
    }

    private func shortened(to end: Int, from wanted: Int) -> ServingError {
        ServingError(
            .invalidRequest,
            "the shared memory object \"\(key)\" has been shortened since it was registered: it has \(end) bytes, and "
                + "\(wanted) are needed")
    }

    private func failure(_ action: String, _ reason: Int32) -> ServingError {
        ServingError(
            .invalidRequest,
            "the shared memory object \"\(key)\" can't be \(action): \(Self.words(for: reason))")
    }

    private static func words(for reason: Int32) -> String {
        switch reason {
        case ENOENT: "there is no object of that name"
        case EACCES: "Manta may not read and write it"
        default: unsafe String(cString: strerror(reason))
        }
    }
}
