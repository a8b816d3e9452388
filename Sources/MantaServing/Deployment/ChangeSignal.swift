import MantaCore
import MantaTime
import Synchronization

/// Lets tasks wait for something to change, without missing a change between looking and waiting.
final class ChangeSignal: Sendable {
    private struct State {
        var generation = 0
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Something has changed.
    func send() {
        let waiters = state.withLock { state in
            state.generation += 1
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until `condition` gives a value.
    ///
    /// - Parameters:
    ///   - deadline: When to give up.
    ///   - time: The clock.
    ///   - condition: Looked at now and after each change, on any thread.
    /// - Returns: The value, or what `condition` gives at the deadline or when the task is cancelled.
    func first<Value: Sendable>(
        until deadline: Instant, time: any TimeSource, _ condition: @escaping @Sendable () -> Value?
    ) async -> Value? {
        if let value = condition() { return value }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await time.sleep(until: deadline) }
            group.addTask { await self.wait { condition() != nil } }
            await group.next()
            group.cancelAll()
        }
        return condition()
    }

    /// Waits until `condition` holds, or the task is cancelled.
    func wait(for condition: @Sendable () -> Bool) async {
        while !Task.isCancelled {
            let seen = state.withLock { $0.generation }
            if condition() { return }
            await change(since: seen)
        }
    }

    /// Waits for the change after this generation, or for the task's cancellation.
    private func change(since generation: Int) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.generation != generation || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
