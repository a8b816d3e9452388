#if canImport(Glibc)
    import Glibc
#endif

/// The kernel's events about folders (inotify).
///
/// Unchecked Sendable: one thread makes it, one uses it after that.
final class InotifyQueue: @unchecked Sendable {
    /// What happened in a folder.
    struct Event {
        /// The folder's watch.
        let watch: Int32
        /// The entry it happened to; empty if it was the folder itself.
        let name: String
        private let mask: UInt32

        fileprivate init(watch: Int32, mask: UInt32, name: String) {
            (self.watch, self.mask, self.name) = (watch, mask, name)
        }

        /// Events were lost: anything may have happened.
        var isOverflow: Bool { mask & UInt32(IN_Q_OVERFLOW) != 0 }
        /// An entry or the folder came, went, was renamed, or is no longer watched. Not only an entry's content changed.
        var changesTree: Bool { mask & ~(content | UInt32(IN_ISDIR)) != 0 }
    }

    private var descriptor: Int32

    /// An empty queue.
    init() throws(FolderWatcherError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw FolderWatcherError(errno, folder: nil) }
    }

    deinit { close() }

    /// Gives the kernel's resources back. A second call does nothing.
    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Watches a folder; one that is watched already has the same watch as before.
    ///
    /// - Parameters:
    ///   - folder: Its path; links are followed.
    ///   - forContent: Whether changes of what its entries hold are events too.
    /// - Returns: The watch; `nil` if there is no such folder or it may not be read.
    /// - Throws: ``FolderWatcherError`` if the system allows for no more.
    func add(_ folder: String, forContent: Bool) throws(FolderWatcherError) -> Int32? {
        let mask = tree | (forContent ? content : 0) | UInt32(IN_ONLYDIR) | UInt32(IN_MASK_ADD)
        let watch = unsafe inotify_add_watch(descriptor, folder, mask)
        guard watch < 0 else { return watch }
        switch errno {
        case ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG: return nil
        default: throw FolderWatcherError(errno, folder: folder)
        }
    }

    /// Watches a folder no longer. It may be gone already.
    func remove(_ watch: Int32) {
        inotify_rm_watch(descriptor, watch)
    }

    /// Blocks until there are events, or returns false once `stop` is sent.
    func wait(orFor stop: StopSignal) throws(FolderWatcherError) -> Bool {
        var polled = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        while unsafe poll(&polled, 2, -1) < 0 {
            guard errno == EINTR else { throw FolderWatcherError(errno, folder: nil) }
        }
        return polled[1].revents == 0
    }

    /// The events there are now.
    func read() throws(FolderWatcherError) -> [Event] {
        var events: [Event] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                guard count < 0, errno == EAGAIN else { throw FolderWatcherError(errno, folder: nil) }
                return events
            }
            append(buffer[..<count], to: &events)
        }
    }

    /// An event is an `inotify_event`: watch, mask, cookie and length, 4 bytes each, then the name up to a zero.
    private func append(_ bytes: ArraySlice<UInt8>, to events: inout [Event]) {
        func number(_ index: Int) -> UInt32 {
            unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: index, as: UInt32.self) }
        }
        var start = 0
        while start + 16 <= bytes.count {
            let end = start + 16 + Int(number(start + 12))
            let name = bytes[(start + 16)..<end].prefix { $0 != 0 }
            events.append(
                Event(
                    watch: Int32(bitPattern: number(start)), mask: number(start + 4),
                    name: String(decoding: name, as: UTF8.self)))
            start = end
        }
    }
}

/// An entry's content or rights have changed.
private let content = UInt32(IN_CLOSE_WRITE) | UInt32(IN_MODIFY) | UInt32(IN_ATTRIB)
/// Entries came, went or were renamed, or the folder itself.
private let tree =
    UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF)
    | UInt32(IN_MOVE_SELF)

/// Wakes the thread that waits for events, for good.
final class StopSignal: Sendable {
    /// Can be read from once the signal was sent.
    let descriptor: Int32
    private let writing: Int32

    /// A signal that wasn't sent.
    init() throws(FolderWatcherError) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw FolderWatcherError(errno, folder: nil) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (descriptor, writing) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writing)
    }

    /// Sends the signal. A second call does nothing more.
    func send() {
        var byte: UInt8 = 1
        unsafe write(writing, &byte, 1)
    }
}

extension FolderWatcherError {
    /// The system refused to watch `folder`, or anything, with this error number.
    init(_ number: Int32, folder: String?) {
        let reason =
            switch number {
            case ENOSPC:
                "this user has as many watches as it may; raise fs.inotify.max_user_watches"
            case EMFILE:
                "too many files are open or this user watches too often; raise the limit of open files, or "
                    + "fs.inotify.max_user_instances"
            default: unsafe String(cString: strerror(number))
            }
        message = "\(folder.map { "folder \($0)" } ?? "folders") can't be watched for changes: \(reason)"
    }
}
