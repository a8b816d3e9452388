import Logging
import MantaConfig
import MantaCore
import MantaHTTP
import MantaThreads

/// What all calls go through: who may ask, who works on them, how an end is told, counted and logged.
struct CallCore: Sendable {
    let methods: Methods
    let log: CallLog
    let tokens: Reloadable<TokenSet>?
    let limits: GRPCLimits
    /// The tasks at work.
    let tasks = HandlerCount()

    /// Takes a call, or refuses it.
    func accept(_ method: Methods.Method, _ metadata: CallMetadata, client: String) throws(GRPCError) -> Call {
        var principal: String?
        if let tokens, method.access == .protected {
            do throws(HTTPError) {
                principal = try BearerToken.principal(of: metadata["authorization"], among: tokens.value)
            } catch {
                log.record(Call(method.name, metadata: metadata, client: client, principal: nil), .unauthenticated)
                throw GRPCError(.unauthenticated, error.message)
            }
        }
        return Call(method.name, metadata: metadata, client: client, principal: principal)
    }

    /// Answers a call with one message.
    ///
    /// A small message is read on the calling thread, which saves waking another one up: up to where the work first
    /// waits it only reads what it got. Large ones would hold up the thread's other calls.
    func answer(
        _ call: Call, _ message: ReceivedMessage, at port: StreamPort,
        _ work: @escaping @Sendable ([UInt8], Call) async throws -> MessageFrame
    ) {
        run(call, at: port, isShort: port.coding == nil && message.bytes.count <= Self.smallMessage) {
            try await work(try message.inflated(port.coding, limit: limits.messageBytes), call)
        }
    }

    /// Answers a call with any number of messages.
    func answer(
        _ call: Call, _ stream: IncomingStream, _ work: @escaping @Sendable (IncomingStream, Call) async throws -> Void
    ) {
        run(call, at: stream.port, isShort: false) {
            try await work(stream, call)
            return nil
        }
    }

    /// Ends a call in place of its task, whatever becomes of that: an engine's run can't be cancelled.
    func end(_ call: Call, with error: any Error, at port: StreamPort) {
        call.cancel()
        finish(call, .failure(error), at: port)
    }

    private func run(
        _ call: Call, at port: StreamPort, isShort: Bool, _ work: @escaping @Sendable () async throws -> MessageFrame?
    ) {
        tasks.began()
        let whole: @Sendable () async -> Void = {
            defer { tasks.ended() }
            do {
                finish(call, .success(try await work()), at: port)
            } catch {
                finish(call, .failure(error), at: port)
            }
        }
        let executor = FollowUpExecutor.shared
        call.began(
            isShort
                ? Task.immediate(executorPreference: executor) { await whole() }
                : Task(executorPreference: executor) { await whole() })
    }

    private func finish(_ call: Call, _ outcome: Result<MessageFrame?, any Error>, at port: StreamPort) {
        guard call.end() else { return }
        switch outcome {
        case .success(let reply):
            log.record(call, .ok)
            if let reply { port.reply(reply) } else { port.end(.ok) }
        case .failure(let failure):
            let error = error(of: failure, call)
            log.record(call, error.code)
            port.end(.failed(error))
        }
    }

    /// What the client gets to know of a failure.
    private func error(of failure: any Error, _ call: Call) -> GRPCError {
        switch failure {
        case let failure as ServingError where failure.code != .cancelled: failure.grpcError
        case let failure as GRPCError where failure.code != .cancelled: failure
        case is ServingError, is GRPCError, is CancellationError: cancelled(call)
        default: unexpected(failure, call)
        }
    }

    private func cancelled(_ call: Call) -> GRPCError {
        if call.isDraining { return GRPCError(.unavailable, "the server is stopping") }
        if let remaining = call.remaining, remaining <= .zero {
            return GRPCError(.deadlineExceeded, "no answer in the time that the client gave")
        }
        return GRPCError(.cancelled, "the caller has gone")
    }

    private func unexpected(_ failure: any Error, _ call: Call) -> GRPCError {
        log.logger.error("Call failed", metadata: ["error": "\(failure)", "request.id": "\(call.id)"])
        return GRPCError(.internalError, "internal error")
    }

    /// The largest message, in bytes, that is read on the connection's thread.
    private static let smallMessage = 16 << 10
}
