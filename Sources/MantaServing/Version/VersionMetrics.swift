import CoreMetrics
import MantaCore
import Synchronization

/// What is counted for one version. The labels are rendered once, here.
package final class VersionMetrics: Sendable {
    private let labels: [(String, String)]
    private let requests = Mutex<[String: Counter]>([:])
    private let total: Timer
    private let queue: Timer
    private let run: Timer
    private let batchRows: Recorder

    init(_ model: ModelID) {
        labels = [("model", model.name), ("version", String(model.version))]
        total = Timer(label: "manta_request_duration_seconds", dimensions: labels)
        queue = Timer(label: "manta_queue_duration_seconds", dimensions: labels)
        run = Timer(label: "manta_run_duration_seconds", dimensions: labels)
        batchRows = Recorder(label: "manta_batch_rows", dimensions: labels)
    }

    /// A request ended: `code` is `ok` or a ``ServingError/Code``.
    package func recordRequest(code: String, duration: Duration) {
        let counter = requests.withLock { counters in
            if let counter = counters[code] { return counter }
            let counter = Counter(label: "manta_requests_total", dimensions: labels + [("code", code)])
            counters[code] = counter
            return counter
        }
        counter.increment()
        total.recordNanoseconds(duration.nanoseconds)
    }

    func recordBatch(rows: Int, run duration: Duration, waits: [Duration]) {
        run.recordNanoseconds(duration.nanoseconds)
        batchRows.record(Int64(rows))
        for wait in waits { queue.recordNanoseconds(wait.nanoseconds) }
    }
}

extension Duration {
    /// In nanoseconds, rounded towards zero.
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
