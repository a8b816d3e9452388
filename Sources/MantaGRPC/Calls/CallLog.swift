import CoreMetrics
import GRPCCore
import Logging
import MantaCore
import MantaTime
import Synchronization

/// Counts calls and writes the access log.
final class CallLog: Sendable {
    private struct Key: Hashable {
        let method: String
        let code: Status.Code
    }

    /// What counts calls of a method with a status, and what that is called.
    private struct Outcome {
        let name: String
        let counter: Counter
    }

    /// For failures that are nobody's but ours.
    let logger: Logger
    private let logsCalls: Bool
    private let outcomes: Mutex<[Key: Outcome]> = Mutex([:])

    init(logger: Logger, logsCalls: Bool) {
        (self.logger, self.logsCalls) = (logger, logsCalls)
    }

    /// A call has ended.
    func record(_ call: Call, _ code: Status.Code) {
        let outcome = outcome(Key(method: call.method.method, code: code))
        outcome.counter.increment()
        guard logsCalls else { return }
        var metadata: Logger.Metadata = [
            "grpc.method": "\(call.method.fullyQualifiedMethod)", "grpc.status": "\(outcome.name)",
            "duration_ms": "\((Instant.now - call.receivedAt).milliseconds)", "request.id": "\(call.id)",
            "client": "\(call.client)",
        ]
        if let principal = call.principal { metadata["principal"] = "\(principal)" }
        if let trace = call.trace { metadata["trace.id"] = "\(trace.id)" }
        logger.info("Request", metadata: metadata)
    }

    private func outcome(_ key: Key) -> Outcome {
        outcomes.withLock { outcomes in
            if let outcome = outcomes[key] { return outcome }
            let name = Self.name(of: key.code)
            let outcome = Outcome(
                name: name,
                counter: Counter(
                    label: "manta_grpc_requests_total", dimensions: [("method", key.method), ("code", name)]))
            outcomes[key] = outcome
            return outcome
        }
    }

    /// The name of a status as it is known outside of Swift, such as `NOT_FOUND`.
    private static func name(of code: Status.Code) -> String {
        if code == .internalError { return "INTERNAL" }
        return "\(code)".reduce(into: "") { name, letter in
            if letter.isUppercase { name += "_" }
            name += letter.uppercased()
        }
    }
}
