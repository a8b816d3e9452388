/// How long to wait before the next try: twice as long each time, up to a bound, and a little by chance, so that many
/// clients of a server that starts again don't come at once.
struct Backoff {
    private static let first = Duration.milliseconds(250)
    private static let longest = Duration.seconds(10)

    private var next = first

    /// The wait before the next try, and a longer one after that.
    mutating func wait(using random: inout some RandomNumberGenerator) -> Duration {
        defer { next = min(next * 2, Self.longest) }
        return next * Double.random(in: 0.75...1, using: &random)
    }

    /// What was tried has worked.
    mutating func reset() { next = Self.first }
}
