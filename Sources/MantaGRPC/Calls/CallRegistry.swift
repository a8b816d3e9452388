import Synchronization

/// The calls that are being answered, and how they end when the server stops.
final class CallRegistry: Sendable {
    private struct State {
        var calls: [ObjectIdentifier: Call] = [:]
        var phase = Phase.open
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private enum Phase {
        /// Calls come and go.
        case open
        /// Those that are there finish.
        case draining
        /// Their time is over.
        case closed
    }

    private let state = Mutex(State())

    /// Whether the server stops.
    var isDraining: Bool { state.withLock { $0.phase != .open } }

    /// Whether there is no call.
    var isEmpty: Bool { state.withLock { $0.calls.isEmpty } }

    /// A call has been accepted.
    func began(_ call: Call) {
        let phase = state.withLock { state in
            state.calls[ObjectIdentifier(call)] = call
            return state.phase
        }
        if phase != .open { call.drain() }
        if phase == .closed { call.cutOff() }
    }

    /// A call has its answer.
    func ended(_ call: Call) {
        let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.calls[ObjectIdentifier(call)] = nil
            guard state.calls.isEmpty else { return [] }
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    /// From now on streams end as soon as nothing of them is being worked on.
    func drain() {
        let calls = state.withLock { state in
            state.phase = .draining
            return state.calls.values
        }
        for call in calls { call.drain() }
    }

    /// Ends the calls that are left.
    func close() {
        let calls = state.withLock { state in
            state.phase = .closed
            return state.calls.values
        }
        for call in calls { call.cutOff() }
    }

    /// Returns when there is no call.
    func allEnded() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.calls.isEmpty { return true }
                state.watchers.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
