/// Chooses the largest batch worth forming, from what batches were seen to cost.
///
/// Up to the configured maximum it takes the smallest size that gives nearly the throughput of the best size: where
/// larger batches don't give more rows per second (convolutional models on a CPU often don't), they would only add
/// latency. With an objective, a batch may take at most half of it, since a request may have to wait for one batch to
/// end before its own begins.
///
/// A size that was never tried counts as good, so it gets tried when enough requests wait. A size that was found
/// worse is tried again now and then, since a machine's load changes.
public struct BatchSizer: Sendable, Hashable {
    /// What was chosen, and why, in words.
    public struct Choice: Sendable, Hashable {
        /// The most rows a batch may have now.
        public var rows: Int
        /// The reason, for people.
        public var reason: String
    }

    /// The configured maximum, at least 1.
    public let maxRows: Int
    /// The 99th percentile of latency to keep, if there is one.
    public let objective: Duration?
    /// What was learned.
    public private(set) var curve = CostCurve()
    /// What is in force.
    public private(set) var choice: Choice
    /// Whether the size is given and isn't to be learned.
    private let isFixed: Bool
    private var batchesSinceReview = 0

    /// Batches of a class before its mean is believed.
    private static let minSamples = 8
    /// A size with this share of the best throughput is as good as the best.
    private static let goodEnough = 0.95
    /// After so many batches one larger size than the chosen may be tried again.
    private static let reviewInterval = 2000

    /// A sizer that knows nothing yet and allows the maximum.
    ///
    /// - Parameters:
    ///   - maxRows: The configured maximum, at least 1.
    ///   - objective: The 99th percentile of latency to keep, if there is one.
    ///   - fixed: Why the size isn't to be learned, for people; `nil` if it is.
    public init(maxRows: Int, objective: Duration? = nil, fixed: String? = nil) {
        self.maxRows = max(maxRows, 1)
        self.objective = objective
        isFixed = fixed != nil
        choice = Choice(rows: self.maxRows, reason: fixed ?? "the configured maximum; nothing learned yet")
    }

    /// A batch of `rows` took `time`. Returns true if the choice changed.
    public mutating func record(rows: Int, time: Duration) -> Bool {
        curve.record(rows: rows, time: time)
        batchesSinceReview += 1
        // Deciding costs more than recording and the means move slowly, so it isn't done for each batch.
        guard !isFixed, batchesSinceReview % Self.minSamples == 0 else { return false }
        let next = decide()
        defer { choice = next }
        return next.rows != choice.rows
    }

    private mutating func decide() -> Choice {
        guard let best = known.max(by: { $0.point.rowsPerSecond < $1.point.rowsPerSecond }),
            let enough = known.first(where: { $0.point.rowsPerSecond >= Self.goodEnough * best.point.rowsPerSecond }),
            let largest = known.last
        else { return choice }
        if batchesSinceReview >= Self.reviewInterval {
            batchesSinceReview = 0
            curve.forget(sizeClass: enough.sizeClass + 1)
        }
        if enough.sizeClass == largest.sizeClass {
            return limitedByObjective(
                Choice(rows: maxRows, reason: "the configured maximum; larger batches keep giving more rows/s"))
        }
        let isNextKnown = known.contains { $0.sizeClass == enough.sizeClass + 1 }
        return limitedByObjective(
            Choice(
                rows: min(maxRows, CostCurve.maxRows(sizeClass: enough.sizeClass + (isNextKnown ? 0 : 1))),
                reason: "\(CostCurve.maxRows(sizeClass: enough.sizeClass)) give \(Int(enough.point.rowsPerSecond)) "
                    + "rows/s, the best size \(Int(best.point.rowsPerSecond))"
                    + (isNextKnown ? "" : "; twice as many are tried")))
    }

    /// What is known well enough to decide by, small sizes first.
    private var known: [(sizeClass: Int, point: CostCurve.Point)] {
        curve.points.enumerated().compactMap { sizeClass, point in
            guard let point, point.samples >= Self.minSamples else { return nil }
            return (sizeClass, point)
        }
    }

    private func limitedByObjective(_ choice: Choice) -> Choice {
        guard let objective else { return choice }
        var rows = choice.rows
        while rows > 1, let time = curve.expectedTime(rows: rows), time > objective / 2 { rows /= 2 }
        guard rows < choice.rows else { return choice }
        return Choice(rows: rows, reason: "the largest that runs within half of the objective of \(objective)")
    }
}
