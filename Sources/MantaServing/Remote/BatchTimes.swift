/// How long the last batches took on other servers, so that one that takes longer than most is noticed.
///
/// Apart by their rows, in classes whose bounds double: a batch of 64 rows takes longer than one of a single row, so that
/// among all of them each large one would be slow, and a small one never.
struct BatchTimes: Sendable {
    /// How many count, the latest of each class.
    static let window = 512
    /// With fewer nothing is said yet.
    static let least = 32
    /// After so many the percentile is found anew.
    private static let refresh = 16

    private struct Class {
        /// A ring, once it is full.
        var times: [Duration] = []
        var next = 0
        var percentile: Duration?

        /// Returns whether the percentile is to be found anew.
        mutating func add(_ time: Duration) -> Bool {
            if times.count < BatchTimes.window { times.append(time) } else { times[next % times.count] = time }
            next += 1
            return next >= BatchTimes.least && next.isMultiple(of: BatchTimes.refresh)
        }
    }

    private let percent: Double
    private var classes: [Int: Class] = [:]

    /// Tells this percentile.
    init(percent: Double) { self.percent = percent }

    /// A batch took so long; one that was given up, at least so long.
    mutating func add(_ time: Duration, rows: Int) {
        let key = Self.key(of: rows)
        guard classes[key, default: Class()].add(time), let times = classes[key]?.times.sorted() else { return }
        let rank = Int((percent / 100 * Double(times.count)).rounded(.up))
        classes[key]?.percentile = times[min(max(rank, 1), times.count) - 1]
    }

    /// What so many percent of the batches of about as many rows didn't exceed; `nil` while there were too few.
    func percentile(rows: Int) -> Duration? { classes[Self.key(of: rows)]?.percentile }

    /// 1, 2, 3 to 4, 5 to 8 and so on.
    private static func key(of rows: Int) -> Int { Int.bitWidth - (max(rows, 1) - 1).leadingZeroBitCount }
}
