import Synchronization

/// Tells any number of tasks that something is over.
final class EndSignal: Sendable {
    private struct State {
        var isOver = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Whether it is over.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// It is over. Returns whether it wasn't before.
    func end() -> Bool {
        let (isFirst, waiters) = state.withLock { state in
            defer { (state.isOver, state.waiters) = (true, [:]) }
            return (!state.isOver, state.waiters)
        }
        for waiter in waiters.values { waiter.resume() }
        return isFirst
    }

    /// Returns when it is over or the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    // Whoever cancels sets the flag before it comes to the handler below, which waits for the lock.
                    if state.isOver || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
