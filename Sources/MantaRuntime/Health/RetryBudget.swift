package import MantaTime

/// Bounds retries to a share of the requests, so that a fleet in trouble doesn't get several times its load.
///
/// As Finagle's `RetryBudget` and Envoy's `retry_budget` do: over a sliding window there are at most so many retries as
/// that share of its requests, and a few a second that are always allowed, so that little traffic can be retried too.
///
/// ```swift
/// budget.requested(at: now)
/// if budget.mayRetry(at: now) { … }  // counted as one that was made
/// ```
package struct RetryBudget: Sendable {
    /// Its bounds.
    package struct Configuration: Sendable, Hashable {
        /// Retries for each request. A tenth hides rare failures and adds little to a load that is too high already.
        package var share = 0.1
        /// Retries a second that are allowed whatever the traffic is.
        package var floorPerSecond = 3.0
        /// How long a request counts.
        package var window = Duration.seconds(10)

        /// The defaults.
        package init() {}
    }

    private let configuration: Configuration
    private var requests: SlidingCount
    private var retries: SlidingCount

    /// A budget of which nothing is used.
    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        requests = SlidingCount(over: configuration.window)
        retries = SlidingCount(over: configuration.window)
    }

    /// A request came. Retries aren't requests.
    package mutating func requested(at now: Instant) { requests.add(at: now) }

    /// Whether one more retry is within the budget; if so, it counts as made.
    package mutating func mayRetry(at now: Instant) -> Bool {
        let allowed =
            configuration.share * Double(requests.total(at: now))
            + configuration.floorPerSecond * configuration.window.seconds
        guard Double(retries.total(at: now) + 1) <= allowed else { return false }
        retries.add(at: now)
        return true
    }
}
