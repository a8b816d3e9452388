import Synchronization

/// Lets replies leave in the order in which their requests came.
///
/// ```swift
/// let place = order.enter()
/// defer { order.leave(place) }
/// …
/// await order.turn(of: place)
/// ```
final class ReplyOrder: Sendable {
    private struct State {
        var next = 0
        /// Places that were entered and not left, ascending.
        var open: [Int] = []
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// A request has come. Its place must be left, whatever becomes of it.
    func enter() -> Int {
        state.withLock { state in
            state.next += 1
            state.open.append(state.next)
            return state.next
        }
    }

    /// Waits until all places before this one are left. Ends at once for a place that was left.
    func turn(of place: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFirst = state.withLock { state in
                    if Task.isCancelled || state.open.first.map({ $0 >= place }) ?? true { return true }
                    state.waiting[place] = continuation
                    return false
                }
                if isFirst { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: place) }?.resume()
        }
    }

    /// The request is answered, or has gone.
    func leave(_ place: Int) {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let index = state.open.firstIndex(of: place) { state.open.remove(at: index) }
            return state.open.first.flatMap { state.waiting.removeValue(forKey: $0) }
        }
        next?.resume()
    }
}
