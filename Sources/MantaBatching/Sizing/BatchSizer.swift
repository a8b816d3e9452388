/// Chooses the largest batch worth forming, from what batches were seen to cost.
///
/// In force is the smallest size that gives nearly the throughput of the best one. It climbs there: twice as many rows
/// are tried for as long as that gives more rows per second, up to the configured maximum. Where larger batches don't pay
/// (convolutional models on a CPU often don't), it stops before they have cost much latency and memory. One that begins
/// with many rows tries fewer too.
///
/// With an objective, a batch may take at most half of it, since a request may have to wait for one batch to end before
/// its own begins.
///
/// One size more than the one in force is tried again now and then, since a machine's load changes.
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
    /// What to begin with, until a size was found worse than a smaller one.
    private var startRows: Int
    /// The class of the size that was good enough when it was last decided.
    private var lastEnough = 0
    private var batchesSinceReview = 0

    /// Batches of a class before it is believed.
    static let minSamples = 8
    /// A size with this share of the best throughput is as good as the best.
    private static let goodEnough = 0.97
    /// A size with less than this share of the best throughput ends the climb, and so do two doublings that gained no more
    /// than is missing here. Less than for ``goodEnough``, since one that is only measured as worse would end it for long.
    private static let worthClimbing = 0.95
    /// After so many batches one size more than the one in force is tried again.
    private static let reviewInterval = 2000
    /// So many batches after a review, or after a smaller size was found good, one size less is tried if it isn't known.
    private static let descentInterval = 4 * minSamples

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

    /// Begins with more rows, since they paid for another that is much like this one.
    public mutating func begin(with rows: Int) {
        guard !isFixed, rows > startRows else { return }
        startRows = min(rows, maxRows)
        if choice.rows < startRows { choice = decide() }
    }

    /// One that has learned nothing yet and begins with the size in force: for batches that cost something else.
    public func anew() -> BatchSizer {
        var new = self
        new.curve = CostCurve()
        (new.lastEnough, new.batchesSinceReview) = (0, 0)
        guard !isFixed else { return new }
        new.startRows = choice.rows
        new.choice.reason = "nothing learned yet"
        return new
    }

    /// A batch of `rows` took `time`. Returns true if the choice changed.
    public mutating func record(rows: Int, time: Duration) -> Bool {
        curve.record(rows: rows, time: time)
        batchesSinceReview += 1
        // Deciding costs more than recording and what is known changes slowly, so it isn't done for each batch.
        guard !isFixed, batchesSinceReview % Self.minSamples == 0 else { return false }
        let next = decide()
        defer { choice = next }
        return next.rows != choice.rows
    }

    private mutating func decide() -> Choice {
        let known = self.known
        let best = known.values.max() ?? 0
        func isWorse(_ rate: Double) -> Bool { rate < Self.worthClimbing * best }
        guard let enough = known.keys.sorted().first(where: { known[$0] ?? 0 >= Self.goodEnough * best }) else {
            return Choice(rows: startRows, reason: "nothing learned yet")
        }
        if batchesSinceReview >= Self.reviewInterval {
            batchesSinceReview = 0
            curve.forget(sizeClass: min(enough, CostCurve.sizeClass(rows: choice.rows)) + 1)
            return decide()
        }
        let isLessUnknown = enough > 0 && known[enough - 1] == nil
        // Only to try one size less: to and fro between sizes that are known would put reviews off.
        if enough < lastEnough, isLessUnknown { batchesSinceReview = 0 }
        lastEnough = enough
        if known.contains(where: { $0 > enough && isWorse($1) }) { startRows = 1 }

        let why = "\(CostCurve.maxRows(sizeClass: enough)) give \(Int(known[enough] ?? 0)) rows/s"
        if isLessUnknown, batchesSinceReview < Self.descentInterval {
            return limitedByObjective(
                Choice(
                    rows: min(maxRows, CostCurve.maxRows(sizeClass: enough - 1)),
                    reason: "\(why), and fewer are tried"))
        }
        // What stands between is nearly as good; what is worse ends the climb.
        let next = (enough + 1..<enough + 64).first { known[$0].map(isWorse) ?? true } ?? enough
        if known[next] == nil, next <= CostCurve.sizeClass(rows: maxRows), !isFlat(below: next, known) {
            let rows = max(startRows, min(maxRows, CostCurve.maxRows(sizeClass: next)))
            return limitedByObjective(Choice(rows: rows, reason: "\(why), and more are tried"))
        }
        return limitedByObjective(
            Choice(
                rows: min(maxRows, CostCurve.maxRows(sizeClass: enough)), reason: "\(why), the best size \(Int(best))"))
    }

    /// Whether the last two times that sizes doubled have gained nothing worth mentioning: a third time takes as long to try
    /// as both, and won't either.
    private func isFlat(below next: Int, _ known: [Int: Double]) -> Bool {
        guard let last = known[next - 1], let first = known[next - 3] else { return false }
        return Self.worthClimbing * last < first
    }

    /// Rows per second by class of size, where that is known well enough to decide by.
    private var known: [Int: Double] {
        var rates: [Int: Double] = [:]
        for (sizeClass, point) in curve.points.enumerated() {
            if let point, point.samples >= Self.minSamples { rates[sizeClass] = point.rowsPerSecond }
        }
        return rates
    }

    private func limitedByObjective(_ choice: Choice) -> Choice {
        guard let objective else { return choice }
        var rows = choice.rows
        while rows > 1, let time = curve.expectedTime(rows: rows, minSamples: Self.minSamples), time > objective / 2 {
            rows /= 2
        }
        guard rows < choice.rows else { return choice }
        return Choice(rows: rows, reason: "the largest that runs within half of the objective of \(objective)")
    }
}
