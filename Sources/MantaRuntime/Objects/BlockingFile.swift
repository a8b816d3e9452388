import Crypto

#if canImport(Glibc)
    import Glibc
#endif

/// An open file, closed with its owner. Everything it does blocks.
struct BlockingFile: ~Copyable, Sendable {
    /// Where it was when it was opened.
    let path: String
    private let descriptor: Int32

    /// How it is opened.
    enum Use {
        /// It must be there.
        case read
        /// It must not be there.
        case create
        /// It may be there.
        case update

        fileprivate var flags: Int32 {
            switch self {
            case .read: O_RDONLY
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .update: O_RDWR | O_CREAT
            }
        }
    }

    init(_ path: String, for use: Use) throws(ObjectError) {
        descriptor = unsafe open(path, use.flags | O_CLOEXEC | O_NONBLOCK, 0o600)
        self.path = path
        guard descriptor >= 0 else { throw .system(path) }
    }

    deinit { close(descriptor) }

    /// Its length in bytes.
    ///
    /// - Throws: ``ObjectError`` if it is something else than a file.
    func byteCount() throws(ObjectError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ObjectError(.invalid, "\(path) is not a regular file")
        }
        return Int(status.st_size)
    }

    /// Keeps other processes from doing the same; `false` if one has done so already.
    func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// At most so many bytes from an offset on; fewer only at the end of the file.
    func read(_ count: Int, at offset: Int) throws(ObjectError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let got = unsafe pread(descriptor, rest.baseAddress, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                failed = got < 0
                guard got > 0 else { return }
                filled += got
            }
        }
        guard !failed else { throw .system(path) }
        return bytes
    }

    /// Writes all bytes at an offset.
    func write(_ bytes: [UInt8], at offset: Int) throws(ObjectError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(
                    descriptor, $0.baseAddress?.advanced(by: written), $0.count - written, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(path) }
            written += count
        }
    }

    /// Makes what was written survive a loss of power.
    func synchronize() throws(ObjectError) {
        guard fsync(descriptor) == 0 else { throw .system(path) }
    }

    /// Notes that it is used now, for whoever looks for what wasn't used for long.
    func touch() { futimens(descriptor, nil) }

    /// Calls `body` with everything in it, part by part, and names it.
    func name(_ body: ([UInt8], _ offset: Int) throws(ObjectError) -> Void = { _, _ in }) throws(ObjectError)
        -> ObjectID
    {
        var hash = SHA256()
        var offset = 0
        while true {
            let bytes = try read(1 << 20, at: offset)
            guard !bytes.isEmpty else { return ObjectID(hash.finalize()) }
            hash.update(data: bytes)
            try body(bytes, offset)
            offset += bytes.count
        }
    }
}

extension ObjectError {
    /// What the system said last about a file.
    static func system(_ path: String) -> ObjectError {
        let errno = errno
        let reason = unsafe String(cString: strerror(errno))
        return ObjectError(errno == ENOENT ? .missing : .unavailable, "\(path): \(reason)")
    }
}
