import CoreMetrics
import MantaCore
package import MantaTelemetry
import Synchronization

/// What is counted for one version. The labels are rendered once, here.
package final class VersionMetrics: Sendable {
    private let labels: [(String, String)]
    private let factory: any MetricsFactory
    /// By outcome; `nil` once the version is gone.
    private let requests: Mutex<[String: Counter]?> = Mutex([:])
    private let total: Timer
    private let queue: Timer
    private let batch: Timer
    private let run: Timer
    private let encode: Timer
    private let batchRows: Recorder
    private let restarts: Counter
    private let window: Mutex<RateWindow>

    init(
        _ model: ModelID, startingAt start: ContinuousClock.Instant = .now,
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.factory = factory
        labels = [("model", model.name), ("version", String(model.version))]
        total = Timer(label: "manta_request_duration_seconds", dimensions: labels, factory: factory)
        queue = Timer(label: "manta_queue_duration_seconds", dimensions: labels, factory: factory)
        batch = Timer(label: "manta_batch_duration_seconds", dimensions: labels, factory: factory)
        run = Timer(label: "manta_run_duration_seconds", dimensions: labels, factory: factory)
        encode = Timer(label: "manta_encode_duration_seconds", dimensions: labels, factory: factory)
        batchRows = Recorder(label: "manta_batch_rows", dimensions: labels, aggregate: true, factory: factory)
        restarts = Counter(label: "manta_replica_restarts_total", dimensions: labels, factory: factory)
        window = Mutex(RateWindow(startingAt: start))
    }

    /// A request ended: `code` is `ok` or a ``ServingError/Code``.
    package func recordRequest(code: String, duration: Duration, at now: ContinuousClock.Instant = .now) {
        let counter = requests.withLock { counters -> Counter? in
            if let counter = counters?[code] { return counter }
            // Once the version is gone, nothing would ever remove a new series.
            guard counters != nil else { return nil }
            let counter = Counter(
                label: "manta_requests_total", dimensions: labels + [("code", code)], factory: factory)
            counters?[code] = counter
            return counter
        }
        counter?.increment()
        total.recordNanoseconds(duration.nanoseconds)
        window.withLock { $0.record(duration: duration, failed: code != "ok", at: now) }
    }

    /// A reply was written.
    package func recordEncode(_ duration: Duration) {
        encode.recordNanoseconds(duration.nanoseconds)
    }

    /// A replica was started in the place of one that broke.
    package func recordRestart() {
        restarts.increment()
    }

    func recordBatch(
        rows: Int, run: Duration, batch: Duration, waits: [Duration], at now: ContinuousClock.Instant
    ) {
        self.run.recordNanoseconds(run.nanoseconds)
        self.batch.recordNanoseconds(batch.nanoseconds)
        batchRows.record(Int64(rows))
        for wait in waits { queue.recordNanoseconds(wait.nanoseconds) }
        window.withLock { $0.recordBatch(rows: rows, at: now) }
    }

    /// How much was served in the last minute, and how fast.
    package func lastMinute(at now: ContinuousClock.Instant) -> RateWindow.Summary {
        window.withLock { $0.summary(at: now) }
    }

    /// The version is gone: its series go too. A second call does nothing.
    package func remove() {
        let counters = requests.withLock { counters -> [String: Counter]? in
            defer { counters = nil }
            return counters
        }
        guard let counters else { return }
        for counter in counters.values { counter.destroy() }
        for timer in [total, queue, batch, run, encode] { timer.destroy() }
        batchRows.destroy()
        restarts.destroy()
    }
}

extension Duration {
    /// In nanoseconds, rounded towards zero.
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
