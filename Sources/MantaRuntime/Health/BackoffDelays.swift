/// Delays that double from try to try.
package struct BackoffDelays: Sendable, Hashable {
    /// The first one.
    package var first: Duration
    /// None is longer, but for the jitter.
    package var longest: Duration
    /// Each is longer or shorter by a random share of up to so much, so that many who wait don't come at once.
    package var jitter: Double

    /// These delays.
    package init(first: Duration, longest: Duration, jitter: Double = 0) {
        (self.first, self.longest, self.jitter) = (first, longest, jitter)
    }

    /// The delay after so many failures before, without jitter.
    package func delay(after failures: Int) -> Duration {
        var delay = min(first, longest)
        // Doubled one by one: a power of a large number can't be counted.
        for _ in 0..<max(0, failures) where delay < longest { delay = min(delay * 2, longest) }
        return delay
    }

    /// The delay after so many failures before, with jitter.
    package func delay(after failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        guard jitter > 0 else { return delay(after: failures) }
        return delay(after: failures) * (1 + Double.random(in: -jitter...jitter, using: &random))
    }
}
