import MantaTime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Compares a candidate with the setting in force, in windows that alternate: A, B, A, B, … A.
///
/// Each window of the candidate is compared with those of the baseline before and after it, so that a load or a machine
/// that drifts cancels out. Where the two differ much, the window between them says nothing.
///
/// What counts first is how many requests are answered in a second. Where clients wait for answers before they ask again,
/// that is what they see, the work of the HTTP server beside the engine included. Where requests come whatever the server
/// does, it is the same for all settings that keep up, and the mean time to an answer decides.
struct Comparison: Sendable {
    enum Verdict: Sendable, Hashable {
        /// Gains enough to be worth a change.
        case better
        case noBetter
        /// Loses so much that going on in this direction is no use.
        case worse
        /// The load changes too much to tell.
        case unclear
    }

    let candidate: Lanes
    /// All windows of each together.
    private(set) var measured = Measurement()
    private(set) var baseline: Measurement
    /// The last window of the baseline.
    private(set) var lastBaseline: Measurement
    /// The window of the candidate since.
    private var last: Measurement?
    /// Logarithms of how much more requests a second, and how much less time, the candidate had, pair by pair.
    private var rateGains: [Double] = []
    private var timeGains: [Double] = []
    /// Windows that said nothing.
    private(set) var unsteady = 0

    /// A gain of less isn't worth a change.
    private static let worthwhile = log(1.03)
    /// What loses this in each of two pairs won't be better in the third.
    private static let clearLoss = log(1.2)
    /// The baseline's windows on both sides differ by more: something else has changed.
    static let steadiness = 1.5
    /// Gains below this spread are an accident of few pairs.
    private static let leastSpread = 0.005
    private static let maxPairs = 12
    private static let maxUnsteady = 6

    init(_ candidate: Lanes, against baseline: Measurement) {
        self.candidate = candidate
        (self.baseline, lastBaseline) = (baseline, baseline)
    }

    var pairs: Int { rateGains.count }

    mutating func add(candidate window: Measurement) {
        measured = measured + window
        last = window
    }

    /// A pair is complete. Returns what follows from all pairs; `nil` if more are needed.
    mutating func add(baseline window: Measurement) -> Verdict? {
        defer { (lastBaseline, last) = (window, nil) }
        baseline = baseline + window
        guard let last, last.answered > 0 else { return nil }
        guard window.isLike(lastBaseline, within: Self.steadiness) else {
            unsteady += 1
            return unsteady >= Self.maxUnsteady ? .unclear : nil
        }
        let around = lastBaseline + window
        rateGains.append(log(last.rate / around.rate))
        timeGains.append(log(around.meanTime / last.meanTime))
        return verdict
    }

    private var verdict: Verdict? {
        guard pairs >= 2 else { return nil }
        if timeGains.allSatisfy({ $0 < -Self.clearLoss }), rateGains.allSatisfy({ $0 < Self.worthwhile }) {
            return .worse
        }
        guard pairs >= 3 else { return nil }
        // Requests that come at random come in other numbers by chance.
        let chance = 4 * (1 / Double(max(measured.answered, 1)) + 1 / Double(max(baseline.answered, 1))).squareRoot()
        let (rate, time) = (Estimate(rateGains, leastMargin: chance), Estimate(timeGains))
        if rate.isMore(than: 0), rate.center > Self.worthwhile { return .better }
        if rate.isLess(than: 0), rate.center < -Self.worthwhile { return .noBetter }
        if time.isMore(than: 0), time.center > Self.worthwhile { return .better }
        if time.isLess(than: Self.worthwhile), rate.center < Self.worthwhile { return .noBetter }
        return pairs >= Self.maxPairs ? .noBetter : nil
    }

    /// Where the true gain is likely to be.
    private struct Estimate {
        let center: Double
        /// Of an interval around the center that the gain is in 19 times of 20.
        let margin: Double

        /// Student's t at 97.5 % for 2 to 9 degrees of freedom.
        private static let quantiles = [4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]

        init(_ gains: [Double], leastMargin: Double = 0) {
            // One window in which the machine did something else mustn't decide.
            let kept = gains.count < 6 ? gains[...] : gains.sorted().dropFirst().dropLast()
            let mean = kept.reduce(0, +) / Double(kept.count)
            let squares = kept.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let spread = max((squares / Double(kept.count - 1)).squareRoot(), Comparison.leastSpread)
            center = mean
            margin = max(leastMargin, Self.quantiles[kept.count - 3] * spread / Double(kept.count).squareRoot())
        }

        func isMore(than gain: Double) -> Bool { center - margin > gain }
        func isLess(than gain: Double) -> Bool { center + margin < gain }
    }
}
