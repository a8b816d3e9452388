package import MantaTime

/// Decides whether and when a replica that crashed is started again.
///
/// Each restart waits longer than the one before. When there were too many in a while, it is given up, for good: what
/// crashes that often isn't helped by one more start, and takes what others could use.
///
/// ```swift
/// switch budget.crashed("exit code 139", at: now) {
/// case .restart(let due): …
/// case .givenUp(let reason): …
/// }
/// ```
package struct RestartBudget: Sendable {
    /// Its bounds.
    package struct Configuration: Sendable, Hashable {
        /// So many restarts within ``window``.
        package var restarts = 5
        /// How long a restart counts.
        package var window = Duration.seconds(600)
        /// Before each restart.
        package var delays = BackoffDelays(first: .seconds(1), longest: .seconds(60))

        /// The defaults.
        package init() {}
    }

    /// What to do with a replica.
    package enum Decision: Sendable, Hashable {
        /// Start it again at that time.
        case restart(at: Instant)
        /// Leave it, for this reason.
        case givenUp(String)
    }

    /// A crash, for people.
    package struct Crash: Sendable, Hashable {
        /// When it was.
        package let at: Instant
        /// Why, as far as is known.
        package let reason: String
    }

    /// What was decided last; `nil` if it never crashed.
    package private(set) var decision: Decision?
    /// The last crashes, the latest last.
    package private(set) var crashes: [Crash] = []
    private let configuration: Configuration
    /// The times of the restarts that count.
    private var restarts: [Instant] = []

    /// So many crashes are kept for people.
    private static let kept = 5

    /// A replica that never crashed.
    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// It crashed, or couldn't be started.
    ///
    /// - Parameters:
    ///   - reason: Why, as far as is known. Cut if it is long.
    ///   - now: The time.
    /// - Returns: What to do. Once given up, it stays so.
    package mutating func crashed(_ reason: String, at now: Instant) -> Decision {
        let crash = Crash(at: now, reason: String(reason.prefix(500)))
        crashes = crashes.suffix(Self.kept - 1) + [crash]
        if case .givenUp(let reason) = decision { return .givenUp(reason) }
        restarts.removeAll { now - $0 >= configuration.window }
        let decided: Decision
        if restarts.count >= configuration.restarts {
            let seconds = Int(configuration.window.seconds)
            decided = .givenUp(
                "it crashed again after \(restarts.count) restarts in \(seconds) s, the last time: \(crash.reason)")
        } else {
            let due = now + configuration.delays.delay(after: restarts.count)
            restarts.append(due)
            decided = .restart(at: due)
        }
        decision = decided
        return decided
    }
}
