/// Chooses the largest batch worth forming, from what batches were seen to cost.
///
/// It climbs: from one row on, each size that gives nearly the throughput of the best so far lets twice as many rows be
/// tried, up to the configured maximum. Where larger batches don't give more rows per second (convolutional models on
/// a CPU often don't), it stops at once, before they have cost much latency and memory. In force is then the smallest
/// size that gives nearly the throughput of the best one. With an objective, a batch may take at most half of it, since
/// a request may have to wait for one batch to end before its own begins.
///
/// A size that was found worse is tried again now and then, since a machine's load changes.
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
    /// The rows allowed until a size was found worse than a smaller one.
    private var startRows: Int
    private var batchesSinceReview = 0

    /// Batches of a class before its mean is believed.
    private static let minSamples = 8
    /// A size with this share of the best throughput is as good as the best.
    private static let goodEnough = 0.95
    /// After so many batches larger sizes than the chosen are tried again.
    private static let reviewInterval = 2000

    /// A sizer that knows nothing yet, so that it begins with few rows.
    ///
    /// - Parameters:
    ///   - maxRows: The configured maximum, at least 1.
    ///   - objective: The 99th percentile of latency to keep, if there is one.
    ///   - fixed: Why the size isn't to be learned, for people; `nil` if it is.
    ///   - startRows: What to begin with.
    public init(maxRows: Int, objective: Duration? = nil, fixed: String? = nil, startRows: Int = 1) {
        self.maxRows = max(maxRows, 1)
        self.objective = objective
        isFixed = fixed != nil
        choice =
            if let fixed {
                Choice(rows: self.maxRows, reason: fixed)
            } else {
                Choice(rows: min(max(startRows, 1), self.maxRows), reason: "nothing learned yet")
            }
        self.startRows = choice.rows
    }

    /// Begins with more rows, since it is known from elsewhere that they may pay.
    public mutating func begin(with rows: Int) {
        guard !isFixed, rows > startRows else { return }
        startRows = min(rows, maxRows)
        if choice.rows < startRows { choice = decide() }
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
        // What is known well enough to decide by, small sizes first.
        let known = curve.points.enumerated().compactMap { sizeClass, point -> (sizeClass: Int, rate: Double)? in
            guard let point, point.samples >= Self.minSamples else { return nil }
            return (sizeClass, point.rowsPerSecond)
        }
        let best = known.map(\.rate).max() ?? 0
        guard let enough = known.first(where: { $0.rate >= Self.goodEnough * best }) else {
            return Choice(rows: startRows, reason: "nothing learned yet")
        }
        var next = Self.untried(after: known)
        if next == nil, batchesSinceReview >= Self.reviewInterval {
            batchesSinceReview = 0
            next = enough.sizeClass + 1
            for sizeClass in curve.points.indices.dropFirst(enough.sizeClass + 1) { curve.forget(sizeClass: sizeClass) }
        }
        let isAtEnd = next.map { $0 > CostCurve.sizeClass(rows: maxRows) } ?? true
        let why = "\(CostCurve.maxRows(sizeClass: enough.sizeClass)) give \(Int(enough.rate)) rows/s"
        return limitedByObjective(
            Choice(
                rows: isAtEnd
                    ? min(maxRows, CostCurve.maxRows(sizeClass: enough.sizeClass))
                    : max(startRows, min(maxRows, CostCurve.maxRows(sizeClass: next ?? 0))),
                reason: isAtEnd ? "\(why), the best size \(Int(best))" : "\(why), and more are tried"))
    }

    /// The size to try next: the one after the last known, unless one on the way was worse than those before it. Sizes
    /// that no batch has, since its requests have several rows each, are passed over.
    private static func untried(after known: [(sizeClass: Int, rate: Double)]) -> Int? {
        var next = 0
        var best = 0.0
        for (sizeClass, rate) in known {
            if rate < goodEnough * best { return nil }
            (next, best) = (sizeClass + 1, max(best, rate))
        }
        return next
    }

    private func limitedByObjective(_ choice: Choice) -> Choice {
        guard let objective else { return choice }
        var rows = choice.rows
        while rows > 1, let time = curve.expectedTime(rows: rows), time > objective / 2 { rows /= 2 }
        guard rows < choice.rows else { return choice }
        return Choice(rows: rows, reason: "the largest that runs within half of the objective of \(objective)")
    }
}
