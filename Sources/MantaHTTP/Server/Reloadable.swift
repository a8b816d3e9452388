import Synchronization

/// What is read from files, and may be read again while it is in use.
package final class Reloadable<Value: Sendable>: Sendable {
    private let read: @Sendable () throws(HTTPServerError) -> Value
    private let current = Mutex<Value?>(nil)

    /// Something that isn't read yet.
    package init(_ read: @escaping @Sendable () throws(HTTPServerError) -> Value) {
        self.read = read
    }

    /// What was read last; `nil` before the first time.
    package var value: Value? { current.withLock { $0 } }

    /// Reads. What was read before stays in force if that fails.
    ///
    /// - Note: Blocks on the files.
    package func reload() throws(HTTPServerError) {
        let new = try read()
        // The old one goes after the lock is gone.
        _ = current.withLock { current in
            defer { current = new }
            return current
        }
    }
}
