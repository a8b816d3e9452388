#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A POSIX shared memory object, as a client would make it; unlinked when the test lets go of it.
public final class SharedMemoryObject: Sendable {
    /// Its name.
    public let key: String
    private let descriptor: Int32

    /// An object of these bytes.
    public init(_ bytes: [UInt8]) {
        key = "/manta-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        descriptor = unsafe shm_open(key, O_RDWR | O_CREAT | O_EXCL, 0o600)
        precondition(descriptor >= 0)
        write(bytes, at: 0)
    }

    deinit {
        unlink()
        close(descriptor)
    }

    /// What is in it now.
    public var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
        precondition(unsafe pread(descriptor, &bytes, bytes.count, 0) == bytes.count)
        return bytes
    }

    /// Writes bytes at an offset.
    public func write(_ bytes: [UInt8], at offset: Int) {
        precondition(unsafe pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count)
    }

    /// Makes it longer, with zeros, or shorter.
    public func resize(_ byteCount: Int) { precondition(ftruncate(descriptor, off_t(byteCount)) == 0) }

    /// Takes its name away. It stays for those who have it open.
    public func unlink() { _ = unsafe shm_unlink(key) }
}
