import CoreMetrics
package import MantaCore
package import MantaTelemetry
package import MantaTime
import Synchronization

/// What is counted for one version. The labels are rendered once, here.
package final class VersionMetrics: Sendable {
    /// Counters by a label: so few that a list is faster than a dictionary.
    private typealias Series = [(label: String, counter: Counter)]

    private let labels: [(String, String)]
    private let factory: any MetricsFactory
    /// By outcome; `nil` once the version is gone.
    private let requests: Mutex<Series?> = Mutex([])
    /// By kind; `nil` once the version is gone. None unless inputs are padded.
    private let positions: Mutex<Series?> = Mutex([])
    /// By name; `nil` once the version is gone. None unless batches are sent twice.
    private let hedges: Mutex<Series?> = Mutex([])
    private let total: Timer
    private let queue: Timer
    private let batch: Timer
    private let run: Timer
    private let encode: Timer
    private let batchRows: Recorder
    private let restarts: Counter
    /// What is told of it over the protocol and of its last minute: one lock, since both are added to together.
    private let tally: Mutex<Tally>

    private struct Tally {
        var window: RateWindow
        var statistics = InferenceStatistics()
        var objective: Duration?
        /// Answers that took longer than the objective.
        var late = 0
        /// Requests that weren't answered through no fault of their client.
        var failed = 0
    }

    /// How requests fared since the version was first loaded.
    struct Outcomes: Sendable, Hashable {
        var answered: Int
        /// What those took, added up.
        var seconds: Double
        /// Those of them that took longer than the objective.
        var late: Int
        /// Requests that weren't answered through no fault of their client.
        var failed: Int
    }

    init(
        _ model: ModelID, startingAt start: Instant = .now,
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
        tally = Mutex(Tally(window: RateWindow(startingAt: start)))
    }

    /// A request was answered.
    package func recordAnswer(
        duration: Duration, timing: InferenceTiming = .init(), at now: Instant = .now
    ) {
        count("ok", duration)
        tally.withLock { tally in
            tally.window.record(duration: duration, failed: false, at: now)
            tally.statistics.succeeded(in: duration, timing)
            if let objective = tally.objective, duration > objective { tally.late += 1 }
        }
    }

    /// A request was refused or failed.
    package func recordFailure(
        _ code: ServingError.Code, duration: Duration, at now: Instant = .now
    ) {
        count(code.description, duration)
        tally.withLock { tally in
            tally.window.record(duration: duration, failed: true, at: now)
            tally.statistics.failed(in: duration)
            if Self.ownFailures.contains(code) { tally.failed += 1 }
        }
    }

    private static let ownFailures: Set<ServingError.Code> = [.overloaded, .deadlineExceeded, .engineFailed, .internal]

    /// How requests fared since the version was first loaded.
    ///
    /// - Parameter objective: Answers that take longer count as late from now on.
    /// - Returns: Numbers that only grow.
    func outcomes(objective: Duration?) -> Outcomes {
        tally.withLock { tally in
            tally.objective = objective
            let succeeded = tally.statistics.succeeded
            return Outcomes(
                answered: Int(succeeded.count), seconds: Double(succeeded.nanoseconds) / 1e9, late: tally.late,
                failed: tally.failed)
        }
    }

    private func count(_ code: String, _ duration: Duration) {
        counter("manta_requests_total", ("code", code), in: requests)?.increment()
        total.recordNanoseconds(duration.nanoseconds)
    }

    /// The counter of one value of a label, or the only one of its name.
    private func counter(
        _ name: String, _ label: (String, String)? = nil, in series: borrowing Mutex<Series?>
    ) -> Counter? {
        let key = label?.1 ?? name
        return series.withLock { series in
            if let known = series?.first(where: { $0.label == key }) { return known.counter }
            // Once the version is gone, nothing would ever remove a new series.
            guard series != nil else { return nil }
            let counter = Counter(label: name, dimensions: labels + [label].compactMap(\.self), factory: factory)
            series?.append((key, counter))
            return counter
        }
    }

    /// A reply was written.
    package func recordEncode(_ duration: Duration) {
        encode.recordNanoseconds(duration.nanoseconds)
    }

    /// A replica was started in the place of one that broke.
    package func recordRestart() {
        restarts.increment()
    }

    /// A batch was sent to a second server.
    func recordHedge() { counter("manta_hedges_sent_total", in: hedges)?.increment() }

    /// The second server's answer came first.
    func recordHedgeWon() { counter("manta_hedges_won_total", in: hedges)?.increment() }

    /// A batch has run whose inputs are padded.
    ///
    /// - Parameters:
    ///   - input: Positions of its requests' own, rows times length.
    ///   - padding: Positions that they were filled up with.
    func recordPositions(input: Int, padding: Int) {
        counter("manta_batch_positions_total", ("kind", "input"), in: positions)?.increment(by: Int64(input))
        counter("manta_batch_positions_total", ("kind", "padding"), in: positions)?.increment(by: Int64(padding))
    }

    /// A batch has run.
    ///
    /// - Parameters:
    ///   - rows: Its rows.
    ///   - waits: How long each of its requests waited.
    ///   - timing: Where its time went.
    ///   - now: When it was over.
    func recordBatch(rows: Int, waits: [Duration], timing: InferenceTiming, at now: Instant) {
        run.recordNanoseconds(timing.run.nanoseconds)
        batch.recordNanoseconds(timing.batch.nanoseconds)
        batchRows.record(Int64(rows))
        for wait in waits { queue.recordNanoseconds(wait.nanoseconds) }
        tally.withLock { tally in
            tally.window.recordBatch(rows: rows, at: now)
            tally.statistics.ran(rows: rows, timing, at: now)
        }
    }

    /// What was counted since the version was first loaded.
    package var statistics: InferenceStatistics { tally.withLock { $0.statistics } }

    /// How much was served in the last minute, and how fast.
    package func lastMinute(at now: Instant) -> RateWindow.Summary {
        tally.withLock { $0.window.summary(at: now) }
    }

    /// The version is gone: its series go too. A second call does nothing.
    package func remove() {
        guard let requests = requests.withLock({ $0.take() }) else { return }
        let others = (positions.withLock { $0.take() } ?? []) + (hedges.withLock { $0.take() } ?? [])
        for (_, counter) in requests + others { counter.destroy() }
        for timer in [total, queue, batch, run, encode] { timer.destroy() }
        batchRows.destroy()
        restarts.destroy()
    }
}
