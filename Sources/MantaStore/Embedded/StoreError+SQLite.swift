import GRDB

#if canImport(Glibc)
    import Glibc
#endif

extension StoreError {
    /// What an error of SQLite means for the user of a store in `file`.
    init(_ error: any Error, file: String?) {
        if let error = error as? StoreError {
            self = error
            return
        }
        let file = file ?? "the store in memory"
        guard let failure = error as? DatabaseError else {
            self.init(.unavailable, "\(file) can't be used: \(error)", cause: error)
            return
        }
        let reason = failure.message ?? "\(failure.extendedResultCode)"
        switch failure.resultCode {
        case .SQLITE_BUSY:
            self.init(
                .locked,
                "\(file) is locked by another process, expected it for this one alone: end the other, or give another path",
                cause: error)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self = .damaged(file, reason)
            cause = error
        case .SQLITE_FULL:
            self.init(.unavailable, "\(file) can't be written: the disk is full", cause: error)
        case .SQLITE_MISUSE:
            self.init(.closed, "\(file) is closed", cause: error)
        default:
            self.init(.unavailable, "\(file) can't be read or written: \(reason)", cause: error)
        }
    }

    /// The file isn't what a store wrote.
    static func damaged(_ file: String, _ fault: String) -> StoreError {
        StoreError(
            .damaged,
            "\(file) is damaged: \(fault). Bring back a copy, or move it away, with the files beside it that have its "
                + "name and -wal or -shm, to start with an empty store")
    }

    /// A call to the system failed with this error number.
    static func system(_ number: Int32, _ what: String) -> StoreError {
        StoreError(.unavailable, "\(what): \(unsafe String(cString: strerror(number)))")
    }
}
