import GRPCCore
import Logging
import MantaCore
import MantaHTTP

/// What all calls go through: who may ask, how an end is told, counted and logged.
struct CallCore: Sendable {
    /// Who may call a method.
    enum Access {
        /// Everybody: probes.
        case open
        /// Whoever has a token, if the listener wants one.
        case protected
    }

    let registry = CallRegistry()
    let log: CallLog
    let tokens: Reloadable<TokenSet>?

    /// Takes a call, or refuses it. Its answer begins with ``answer(_:_:)``, unless the client has gone by then.
    func accept(
        _ context: ServerContext, _ metadata: Metadata, access: Access
    ) throws(RPCError) -> Call {
        var principal: String?
        if let tokens, access == .protected {
            do throws(HTTPError) {
                let field = metadata[stringValues: "authorization"].first { _ in true }
                principal = try BearerToken.principal(of: field, among: tokens.value)
            } catch {
                log.record(Call(context, metadata: metadata, principal: nil), .unauthenticated)
                throw RPCError(code: .unauthenticated, message: error.message)
            }
        }
        return Call(context, metadata: metadata, principal: principal)
    }

    /// Does the work of a call and tells its end.
    ///
    /// - Returns: What `work` returns.
    /// - Throws: The status for the client.
    func answer<Reply: Sendable>(
        _ call: Call, _ work: @escaping @Sendable () async throws -> Reply
    ) async throws(RPCError) -> Reply {
        registry.began(call)
        let outcome = await withRPCCancellationHandler {
            await call.run(work)
        } onCancelRPC: { [registry] in
            // It is also how the transport says that the server stops; what has begun goes on then.
            if !registry.isDraining { call.cancel() }
        }
        registry.ended(call)
        switch outcome {
        case .success(let reply):
            log.record(call, .ok)
            return reply
        case .failure(let failure):
            let error = status(of: failure, call)
            log.record(call, Status.Code(error.code))
            throw error
        }
    }

    /// What the client gets to know of a failure.
    func status(of failure: any Error, _ call: Call) -> RPCError {
        var error =
            switch failure {
            case let failure as ServingError where failure.code != .cancelled: failure.rpcError
            case let failure as RPCError where failure.code != .cancelled: failure
            case is ServingError, is RPCError, is CancellationError: cancelled(call)
            default: unexpected(failure, call)
            }
        error.metadata.addString(call.id, forKey: "x-request-id")
        return error
    }

    private func cancelled(_ call: Call) -> RPCError {
        if call.isDraining { return RPCError(code: .unavailable, message: "the server is stopping") }
        if let remaining = call.remaining, remaining <= .zero {
            return RPCError(code: .deadlineExceeded, message: "no answer in the time that the client gave")
        }
        return RPCError(code: .cancelled, message: "the caller has gone")
    }

    private func unexpected(_ failure: any Error, _ call: Call) -> RPCError {
        log.logger.error("Call failed", metadata: ["error": "\(failure)", "request.id": "\(call.id)"])
        return RPCError(code: .internalError, message: "internal error")
    }
}
