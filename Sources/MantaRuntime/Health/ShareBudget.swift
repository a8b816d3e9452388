/// Bounds something to a share of something else: a token bucket that fills with what it is a share of.
///
/// It knows no time, unlike ``RetryBudget``: a share of what few requests there were lately would be less than one, so
/// that little traffic got nothing of it; here its parts add up.
///
/// ```swift
/// budget.earn()                    // for each request
/// if budget.spend() { … }          // one more beside them
/// ```
package struct ShareBudget: Sendable {
    /// One token, in the parts that are counted: sums of fractions drift.
    private static let token = 1_000_000
    private let income: Int
    private let capacity: Int
    private var level = 0

    /// A budget of which there is nothing yet.
    ///
    /// - Parameters:
    ///   - share: How much there may be for each that is earned for, from 0 to 1.
    ///   - burst: How much may be saved up.
    package init(share: Double, burst: Int = 10) {
        income = Int((share * Double(Self.token)).rounded())
        capacity = burst * Self.token
    }

    /// There was one of what it is a share of.
    package mutating func earn() { level = min(level + income, capacity) }

    /// Whether one more is within the budget; if so, it is paid for.
    package mutating func spend() -> Bool {
        guard level >= Self.token else { return false }
        level -= Self.token
        return true
    }

    /// What was paid for didn't come about.
    package mutating func refund() { level = min(level + Self.token, capacity) }
}
