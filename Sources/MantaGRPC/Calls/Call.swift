import MantaCore
import MantaHTTP
import MantaTime
import Synchronization

/// One call that is being answered.
///
/// Its stream's event loop begins it, and cancels it when the client goes or the server stops; its task answers it. It
/// ends once, by whoever is first.
final class Call: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        var isEnded = false
        var isDraining = false
        /// Whether nothing of it is being worked on: a stream that waits for its next request.
        var isIdle = false
    }

    /// The method.
    let method: MethodName
    /// What the client sent along.
    let metadata: CallMetadata
    /// The call's id: the client's, or a new one.
    let id: String
    /// Who asks, if the listener wants to know.
    let principal: String?
    /// The client's address.
    let client: String
    /// When it came.
    let receivedAt = Instant.now
    /// When the client stops to wait.
    let deadline: Instant?
    private let state = Mutex(State())

    /// A call that begins now.
    init(_ method: MethodName, metadata: CallMetadata, client: String, principal: String?) {
        (self.method, self.metadata, self.client, self.principal) = (method, metadata, client, principal)
        id = RequestID.choose(metadata["x-request-id"])
        deadline = metadata["grpc-timeout"].flatMap(CallTimeout.duration).map { [receivedAt] in receivedAt + $0 }
    }

    /// How long the client still waits; `nil` if it didn't say.
    var remaining: Duration? { deadline.map { $0 - .now } }

    /// Where it belongs in its caller's trace, if that says so.
    var trace: TraceContext? {
        let parents = metadata.values(of: "traceparent")
        guard parents.count == 1 else { return nil }
        return TraceContext(parent: parents[0], states: metadata.values(of: "tracestate"))
    }

    /// What works on it has begun.
    func began(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    /// It is about to be answered.
    ///
    /// - Returns: Whether it hasn't been.
    func end() -> Bool {
        state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
    }

    /// The client has gone, or the answer is somebody else's.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// Whether the server stops.
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// The server stops: the call ends as soon as it is idle.
    func drain() {
        let isIdle = state.withLock { state in
            state.isDraining = true
            return state.isIdle
        }
        if isIdle { cancel() }
    }

    /// Says whether anything of it is being worked on.
    func setIdle(_ isIdle: Bool) {
        let isOver = state.withLock { state in
            state.isIdle = isIdle
            return isIdle && state.isDraining
        }
        if isOver { cancel() }
    }
}

/// The header `grpc-timeout`: up to eight digits and a unit.
enum CallTimeout {
    /// How long the client waits, if it says so in the form of the protocol.
    static func duration(_ text: String) -> Duration? {
        guard let unit = text.utf8.last, (2...9).contains(text.utf8.count), let value = Int64(text.dropLast()),
            value >= 0
        else { return nil }
        switch unit {
        case UInt8(ascii: "H"): return .seconds(value * 3600)
        case UInt8(ascii: "M"): return .seconds(value * 60)
        case UInt8(ascii: "S"): return .seconds(value)
        case UInt8(ascii: "m"): return .milliseconds(value)
        case UInt8(ascii: "u"): return .microseconds(value)
        case UInt8(ascii: "n"): return .nanoseconds(value)
        default: return nil
        }
    }
}
