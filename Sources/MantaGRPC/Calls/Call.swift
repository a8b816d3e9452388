import GRPCCore
import MantaCore
import MantaHTTP
import MantaTime
import Synchronization

/// One call that is being answered.
final class Call: Sendable {
    private struct State {
        /// Cancel the work; and tell the end of the call without waiting for it.
        var cancel, cutOff: (@Sendable () -> Void)?
        var isCancelled = false
        var isCutOff = false
        var isDraining = false
        /// Whether nothing of it is being worked on: a stream that waits for its next request.
        var isIdle = false
    }

    /// The method.
    let method: MethodDescriptor
    /// What the client sent along.
    let metadata: Metadata
    /// The call's id: the client's, or a new one.
    let id: String
    /// Who asks, if the listener wants to know.
    let principal: String?
    /// The client's address.
    let client: String
    /// When it came.
    let receivedAt: Instant
    /// When the client stops to wait.
    let deadline: Instant?
    private let state = Mutex(State())

    /// A call that begins now.
    init(_ context: ServerContext, metadata: Metadata, principal: String?) {
        (method, self.metadata, self.principal) = (context.descriptor, metadata, principal)
        client = Self.host(of: context.remotePeer)
        id = RequestID.choose(metadata[stringValues: "x-request-id"].first { _ in true })
        receivedAt = .now
        deadline = CallTimeout.duration(of: metadata).map { [receivedAt] in receivedAt + $0 }
    }

    /// How long the client still waits; `nil` if it didn't say.
    var remaining: Duration? { deadline.map { $0 - .now } }

    /// Where it belongs in its caller's trace, if that says so.
    var trace: TraceContext? {
        var parents = metadata[stringValues: "traceparent"].makeIterator()
        guard let parent = parents.next(), parents.next() == nil else { return nil }
        return TraceContext(parent: parent, states: Array(metadata[stringValues: "tracestate"]))
    }

    /// Runs the call's work in a task that ``cancel()`` reaches.
    ///
    /// - Returns: What `work` returns or throws.
    func run<Reply: Sendable>(_ work: @escaping @Sendable () async throws -> Reply) async -> Result<Reply, any Error> {
        let answer = Answer<Reply>()
        // Not a child: gRPC's cancellation comes as a callback, and needs a task to cancel. It is waited for here, unless
        // the server's time is over: an engine's run can't be cancelled.
        let task = Task { answer.give(await Result(of: work)) }
        let (isCancelled, isCutOff) = state.withLock { state in
            state.cancel = { task.cancel() }
            state.cutOff = { answer.give(.failure(CancellationError())) }
            return (state.isCancelled, state.isCutOff)
        }
        if isCancelled { task.cancel() }
        if isCutOff { cutOff() }
        return await withTaskCancellationHandler {
            await answer.value()
        } onCancel: {
            cutOff()
        }
    }

    /// The client has gone, or its time is over.
    func cancel() {
        let cancel = state.withLock { state in
            state.isCancelled = true
            return state.cancel
        }
        cancel?()
    }

    /// The server's time is over: ends the call, whatever becomes of its work.
    func cutOff() {
        cancel()
        let cutOff = state.withLock { state in
            state.isCutOff = true
            return state.cutOff
        }
        cutOff?()
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

    /// The address in a peer's description, such as `ipv4:127.0.0.1:31415` or `ipv6:[::1]:443`.
    private static func host(of peer: String) -> String {
        guard let start = peer.firstIndex(of: ":"), let end = peer.lastIndex(of: ":"), start < end else { return peer }
        return String(peer[peer.index(after: start)..<end].filter { $0 != "[" && $0 != "]" })
    }
}

/// The header `grpc-timeout`: up to eight digits and a unit.
enum CallTimeout {
    /// How long the client waits, if it says so in the form of the protocol.
    static func duration(of metadata: Metadata) -> Duration? {
        guard let text = metadata[stringValues: "grpc-timeout"].first(where: { _ in true }), let unit = text.utf8.last,
            (2...9).contains(text.utf8.count), let value = Int64(text.dropLast()), value >= 0
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
