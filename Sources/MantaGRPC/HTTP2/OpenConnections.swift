import Synchronization

/// How many connections are open.
final class OpenConnections: Sendable {
    private let count = Atomic(0)

    /// Another one; `false` if there are as many as may be.
    func add(atMost limit: Int) -> Bool {
        if count.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        remove()
        return false
    }

    /// One is closed.
    func remove() { count.wrappingSubtract(1, ordering: .relaxed) }
}
