import CoreMetrics
import GRPCCore
import Logging
import MantaCore
import Synchronization

/// Counts calls and writes the access log.
final class CallLog: Sendable {
    private struct Key: Hashable {
        let method: String
        let code: Status.Code
    }

    /// For failures that are nobody's but ours.
    let logger: Logger
    private let logsCalls: Bool
    private let counters: Mutex<[Key: Counter]> = Mutex([:])

    init(logger: Logger, logsCalls: Bool) {
        (self.logger, self.logsCalls) = (logger, logsCalls)
    }

    /// A call has ended.
    func record(_ call: Call, _ code: Status.Code) {
        counter(Key(method: call.method.method, code: code)).increment()
        guard logsCalls else { return }
        var metadata: Logger.Metadata = [
            "grpc.method": "\(call.method.fullyQualifiedMethod)", "grpc.status": "\(code)",
            "duration_ms": "\((ContinuousClock.now - call.receivedAt).milliseconds)", "request.id": "\(call.id)",
            "client": "\(call.client)",
        ]
        if let principal = call.principal { metadata["principal"] = "\(principal)" }
        logger.info("Request", metadata: metadata)
    }

    private func counter(_ key: Key) -> Counter {
        counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let counter = Counter(
                label: "manta_grpc_requests_total", dimensions: [("method", key.method), ("code", "\(key.code)")])
            counters[key] = counter
            return counter
        }
    }
}
