import Synchronization

/// Hands a store's commits to its watchers. They read from one bounded history, each at its own pace.
package final class ChangeFeed: Sendable {
    private struct Waiter {
        let prefix: String
        let continuation: CheckedContinuation<Result<Commit?, StoreError>, Never>
    }

    private struct State {
        var history: ChangeHistory
        /// Those who have read everything so far.
        var waiters: [UInt64: Waiter] = [:]
        var nextID: UInt64 = 0
        var isClosed = false
    }

    private let state: Mutex<State>

    /// A feed that continues what `history` begins.
    package init(_ history: ChangeHistory) {
        state = Mutex(State(history: history))
    }

    /// How many watchers wait.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// The store has committed; commits come in order.
    package func publish(_ commit: Commit) {
        let woken = state.withLock { state in
            state.history.append(commit)
            return state.waiters.compactMap { id, waiter in
                commit.restricted(to: waiter.prefix).map { (id, waiter, $0) }
            }.map { id, waiter, part in
                state.waiters[id] = nil
                return (waiter.continuation, part)
            }
        }
        for (continuation, part) in woken { continuation.resume(returning: .success(part)) }
    }

    /// The first commit after `revision` to keys of `prefix`; `nil` when the feed is closed or the task cancelled.
    package func next(after revision: Int64, prefix: String) async throws(StoreError) -> Commit? {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let result: Result<Commit?, StoreError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: Result<Commit?, StoreError>? = state.withLock { state in
                    // Whoever cancels sets the task's flag before it comes to the handler below, which waits for the
                    // lock; so either the flag is seen here, or the handler finds the waiter.
                    if state.isClosed || Task.isCancelled { return .success(nil) }
                    switch state.history.first(after: revision, prefix: prefix) {
                    case .commit(let commit): return .success(commit)
                    case .compacted: return .failure(.compacted(revision, state.history))
                    case .nothing:
                        state.waiters[id] = Waiter(prefix: prefix, continuation: continuation)
                        return nil
                    }
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume(returning: .success(nil))
        }
        return try result.get()
    }

    /// Ends all watches, now and later.
    package func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.continuation)
        }
        for continuation in waiters { continuation.resume(returning: .success(nil)) }
    }
}

extension StoreError {
    /// A watch asked for what came after `revision`.
    fileprivate static func compacted(_ revision: Int64, _ history: ChangeHistory) -> StoreError {
        StoreError(
            .compacted,
            "a watch after revision \(revision) can't be answered, expected one of \(history.forgotten) to "
                + "\(history.revision): list again and watch after that")
    }
}
