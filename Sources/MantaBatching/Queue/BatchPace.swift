/// How fast batches are expected to run: what tells whether a request can be answered in time.
public struct BatchPace: Sendable, Hashable {
    /// Replicas that take batches, at least 1.
    public var replicas: Int
    /// The time of a run by class of size, as ``CostCurve`` has them.
    private let times: [Duration]

    /// A pace.
    ///
    /// - Parameters:
    ///   - replicas: Replicas that take batches.
    ///   - times: The time of a run of 1, 2, 4, 8, … rows; not empty.
    public init(replicas: Int, times: [Duration]) {
        precondition(!times.isEmpty, "a pace has the time of at least one size")
        (self.replicas, self.times) = (max(replicas, 1), times)
    }

    /// What is learned of batches of up to so many rows; `nil` if that is too little.
    init?(_ curve: CostCurve, rows: Int, replicas: Int) {
        let sizes = (0...CostCurve.sizeClass(rows: rows)).map(CostCurve.maxRows)
        guard let times = curve.expectedTimes(rows: sizes, minSamples: BatchSizer.minSamples) else { return nil }
        self.init(replicas: replicas, times: times)
    }

    /// The time that a run of so many rows is expected to take.
    public func run(rows: Int) -> Duration {
        times[min(CostCurve.sizeClass(rows: rows), times.count - 1)]
    }

    /// From admission to the answer of a request that all these rows run before, while every replica is busy.
    ///
    /// - Parameters:
    ///   - rows: Those that wait before it.
    ///   - batch: The most rows of a batch.
    /// - Returns: Half a run until a replica is free, the runs of those before it, and its own.
    public func answer(after rows: Int, batch: Int) -> Duration {
        run(rows: batch) * (Double(rows) / Double(max(batch, 1) * replicas) + 1.5)
    }
}
