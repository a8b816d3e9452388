import MantaTime

/// How fast batches are expected to run: what tells whether a request can be answered in time.
public struct BatchPace: Sendable, Hashable {
    /// Replicas that take batches, at least 1.
    public let replicas: Int
    /// The time of a run by class of size, as ``CostCurve`` has them.
    private let times: [Duration]
    /// How many times as long as that the last runs took: machines become busy sooner than medians tell.
    private var slowness = 1.0

    /// What is less isn't told from chance.
    private static let noise = 1.1
    /// The weight of a run among the last ones, and how many times as long as expected it counts at most: it may have been
    /// interrupted.
    private static let (weight, most) = (0.2, 2.0)

    /// A pace.
    ///
    /// - Parameters:
    ///   - replicas: Replicas that take batches.
    ///   - times: The time of a run of 1, 2, 4, 8, … rows; not empty.
    public init(replicas: Int, times: [Duration]) {
        precondition(!times.isEmpty, "a pace has the time of at least one size")
        self.replicas = max(replicas, 1)
        // What was learned of one size may be older than that of another: fewer rows never take longer.
        var times = times
        for index in times.indices.dropLast().reversed() { times[index] = min(times[index], times[index + 1]) }
        self.times = times
    }

    /// What is learned of batches of up to so many rows; `nil` if that is too little.
    init?(_ curve: CostCurve, rows: Int, replicas: Int) {
        let sizes = (0...CostCurve.sizeClass(rows: rows)).map(CostCurve.maxRows)
        guard let times = curve.expectedTimes(rows: sizes, minSamples: BatchSizer.minSamples) else { return nil }
        self.init(replicas: replicas, times: times)
    }

    /// Other times, after the same last runs: what of their slowness has been learned since counts no more.
    package func relearned(_ other: BatchPace) -> BatchPace {
        var other = other
        let common = min(times.count, other.times.count) - 1
        let learned = other.times[common].seconds / max(times[common].seconds, 1e-9)
        other.slowness = min(slowness / max(learned, 1e-9), Self.most)
        return other
    }

    /// A run of so many rows took `time`.
    package mutating func ran(rows: Int, time: Duration) {
        let sizeClass = CostCurve.sizeClass(rows: rows)
        guard sizeClass < times.count else { return }
        // Between that of half as many rows as its class has at most, and that of as many.
        let whole = times[sizeClass].seconds
        let half = sizeClass > 0 ? times[sizeClass - 1].seconds : whole
        let share = Double(rows) / Double(CostCurve.maxRows(sizeClass: sizeClass)) * 2 - 1
        let expected = half + (whole - half) * share
        slowness += Self.weight * (min(time.seconds / max(expected, 1e-9), Self.most) - slowness)
    }

    /// A time that was learned, as long as it takes now.
    private func now(_ time: Duration) -> Duration { slowness > Self.noise ? time.scaled(by: slowness) : time }

    /// The time that a run of so many rows is expected to take.
    public func run(rows: Int) -> Duration {
        now(times[min(CostCurve.sizeClass(rows: rows), times.count - 1)])
    }

    /// The part of one row in the time of a run of so many, counted as the full batch of its class.
    func timeOfRow(in rows: Int) -> Duration {
        let sizeClass = min(CostCurve.sizeClass(rows: rows), times.count - 1)
        return times[sizeClass].scaled(by: 1 / Double(CostCurve.maxRows(sizeClass: sizeClass)))
    }

    /// The most rows, 1, 2, 4, 8, … of those whose time is known, that run within a time; at least 1.
    public func rows(within limit: Duration) -> Int {
        let tooLong = times.firstIndex { now($0) > limit } ?? times.count
        return CostCurve.maxRows(sizeClass: max(tooLong, 1) - 1)
    }

    /// From the moment when a replica is free until the answer of a request.
    ///
    /// - Parameters:
    ///   - waiting: The rows that run before it.
    ///   - rows: Its own.
    ///   - batch: The most rows of a batch.
    ///   - isCrowded: Whether so many like it come that its batch will be full when it runs.
    /// - Returns: The time of the full batches before it, and twice that of the one that it is in, since no run takes just
    ///   as long as the last, and replicas aren't free by turns.
    public func answer(after waiting: Int, rows: Int, batch: Int, isCrowded: Bool = false) -> Duration {
        let (full, rest) = (waiting + max(rows, 1) - 1).quotientAndRemainder(dividingBy: batch)
        let own = run(rows: isCrowded ? batch : rest + 1)
        return run(rows: batch).scaled(by: Double(full) / Double(replicas)) + own.scaled(by: 2)
    }
}
