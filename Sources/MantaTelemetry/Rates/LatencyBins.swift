/// Sorts durations by size, so that percentiles need no list of them: 192 bins from 8 µs to 137 s.
///
/// The bins are those of HdrHistogram: each power of two is cut into eight equal parts. A bin is at most an eighth as wide
/// as the durations in it, so its middle is within 6.25 % of each. Shorter ones count in the first bin, longer ones in the
/// last.
enum LatencyBins {
    /// How many there are.
    static let count = 24 * 8

    /// The shortest duration told apart: 2¹³ ns.
    private static let smallest: UInt64 = 1 << 13

    /// The bin of a duration.
    static func index(of duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        guard seconds < 137, seconds >= 0 else { return seconds < 0 ? 0 : count - 1 }
        let nanoseconds = UInt64(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
        guard nanoseconds > smallest else { return 0 }
        let power = 63 - nanoseconds.leadingZeroBitCount
        let eighth = Int(nanoseconds >> (power - 3)) & 7
        return (power - 13) * 8 + eighth
    }

    /// The middle of a bin.
    static func middle(of index: Int) -> Duration {
        let power = 13 + index / 8
        return .nanoseconds(Int64(1) << power + Int64(2 * (index % 8) + 1) << (power - 4))
    }
}
