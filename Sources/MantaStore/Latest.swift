import Synchronization

/// A value that changes, for any number of readers, each at its own pace: a slow one sees the newest, not each.
final class Latest<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var version: UInt64 = 1
        var isOver = false
        var waiters: [UInt64: CheckedContinuation<(Value, version: UInt64)?, Never>] = [:]
        var nextID: UInt64 = 0
    }

    private let state: Mutex<State>

    /// Begins with this value.
    init(_ value: Value) {
        state = Mutex(State(value: value))
    }

    /// The value now.
    var value: Value { state.withLock { $0.value } }

    /// The value is another one.
    func set(_ value: Value) {
        update {
            $0 = value
            return true
        }
    }

    /// Changes the value; readers are told if `body` returns that it is another one.
    func update(_ body: (inout Value) -> Bool) {
        let told = state.withLock { state in
            guard body(&state.value) else { return nil as State? }
            state.version += 1
            defer { state.waiters = [:] }
            return state
        }
        guard let told else { return }
        for waiter in told.waiters.values { waiter.resume(returning: (told.value, version: told.version)) }
    }

    /// There won't be another value.
    func end() {
        let waiters = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    /// The newest value of a later version, once there is one; `nil` at the end, or when the task is cancelled.
    func next(after version: UInt64) async -> (Value, version: UInt64)? {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: (Value, version: UInt64)?? = state.withLock { state in
                    // Whoever cancels sets the flag before it comes to the handler below, which waits for the lock.
                    if Task.isCancelled { return .some(nil) }
                    if state.version > version { return (state.value, version: state.version) }
                    if state.isOver { return .some(nil) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: nil)
        }
    }
}

/// What a value is and becomes: first the present one, then, after each change, the newest. What comes in between is left
/// out for a reader that is late. Ends with its source or when the task is cancelled.
public struct Updates<Value: Sendable>: AsyncSequence, Sendable {
    let latest: Latest<Value>

    /// Begins with the present value.
    public func makeAsyncIterator() -> Iterator {
        Iterator(latest: latest)
    }

    /// A reader of its own pace.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let latest: Latest<Value>
        private var version: UInt64 = 0

        fileprivate init(latest: Latest<Value>) {
            self.latest = latest
        }

        /// The next value, once there is one.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Value? {
            guard let (value, version) = await latest.next(after: version) else { return nil }
            self.version = version
            return value
        }

        /// The next value, once there is one.
        public mutating func next() async -> Value? {
            await next(isolation: #isolation)
        }
    }
}
