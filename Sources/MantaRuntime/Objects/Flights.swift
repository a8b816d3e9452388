import Synchronization

/// Work under way, of which those who want the same wait for what becomes of it.
final class Flights<Key: Hashable & Sendable, Landing: Sendable>: Sendable {
    private struct State {
        /// By key, the numbers of those who wait.
        var waiters: [Key: [Int: CheckedContinuation<Landing?, Never>]] = [:]
        var nextWaiter = 0
    }

    private let state = Mutex(State())

    /// How many wait.
    var waiterCount: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

    /// Begins it; `false` if it is under way already. Whoever began it says what became of it.
    func begin(_ key: Key) -> Bool {
        state.withLock { state in
            guard state.waiters[key] == nil else { return false }
            state.waiters[key] = [:]
            return true
        }
    }

    /// This became of it; `nil` if it was given up, and those who waited are to try themselves.
    func land(_ key: Key, _ landing: Landing?) {
        let waiters = state.withLock { $0.waiters.removeValue(forKey: key) } ?? [:]
        for waiter in waiters.values { waiter.resume(returning: landing) }
    }

    /// What becomes of it; `nil` if it was given up, isn't under way any more, or the task is cancelled.
    func landing(of key: Key) async -> Landing? {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.waiters[key] != nil, !Task.isCancelled else { return true }
                    state.waiters[key]?[waiter] = continuation
                    return false
                }
                if isOver { continuation.resume(returning: nil) }
            }
        } onCancel: {
            state.withLock { $0.waiters[key]?.removeValue(forKey: waiter) }?.resume(returning: nil)
        }
    }
}
