import CoreMetrics
import Logging
import MantaCore
import MantaTime
import Synchronization

/// Counts calls and writes the access log.
final class CallLog: Sendable {
    private struct Key: Hashable {
        let method: MethodName
        let code: GRPCStatus
    }

    /// For failures that are nobody's but ours.
    let logger: Logger
    private let logsCalls: Bool
    private let counters: Mutex<[Key: Counter]> = Mutex([:])

    init(logger: Logger, logsCalls: Bool) {
        (self.logger, self.logsCalls) = (logger, logsCalls)
    }

    /// A call has ended.
    func record(_ call: Call, _ code: GRPCStatus) {
        counter(Key(method: call.method, code: code)).increment()
        guard logsCalls else { return }
        var metadata: Logger.Metadata = [
            "grpc.method": "\(call.method.full)", "grpc.status": "\(code.name)",
            "duration_ms": "\((Instant.now - call.receivedAt).milliseconds)", "request.id": "\(call.id)",
            "client": "\(call.client)",
        ]
        if let principal = call.principal { metadata["principal"] = "\(principal)" }
        if let trace = call.trace { metadata["trace.id"] = "\(trace.id)" }
        logger.info("Request", metadata: metadata)
    }

    private func counter(_ key: Key) -> Counter {
        counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let counter = Counter(
                label: "manta_grpc_requests_total",
                dimensions: [("method", key.method.method), ("code", key.code.name)])
            counters[key] = counter
            return counter
        }
    }
}
