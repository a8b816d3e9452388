import Synchronization

/// Counts handlers at work, and lets the end of a server wait for the last one.
package final class HandlerCount: Sendable {
    private struct State {
        var running = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Nobody is at work.
    package init() {}

    /// One begins.
    package func began() { state.withLock { $0.running += 1 } }

    /// One has ended.
    package func ended() {
        let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running -= 1
            guard state.running == 0, !state.watchers.isEmpty else { return [] }
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    /// Returns when none is at work.
    package func allEnded() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.running == 0 { return true }
                state.watchers.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
