/// Which of several that wait for a batch gets it: the one of the highest rank.
public enum TakerRank: Int, Sendable, Comparable {
    /// Wants one more than its server can run at a time, to have it at hand when one ends.
    case spare
    /// Would have it run elsewhere.
    case elsewhere
    /// Would have it run in this process.
    case here

    /// Whether one comes after the other.
    public static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
}
