import MantaCore
import MantaTime

/// Decides whether a replica on another server is given batches, by how those went that it was given.
///
/// Out at once if the connection is refused or breaks, if it is silent, and if it refuses; out after several failures in
/// a row while others succeed. While out it is tried again after delays that double. It comes back with one batch at a time, the
/// first of which proves it (as circuit breakers do: Nygard, "Release It!", half open).
struct RemoteHealth: Sendable, Equatable {
    enum State: Sendable, Equatable {
        /// Gets nothing until then.
        case out(until: Instant)
        /// Gets one batch at a time, since none has gone well yet.
        case onProbation
        /// Gets as many as it takes.
        case isIn
    }

    /// The first pause, and the longest.
    static let pauses = (first: Duration.milliseconds(100), last: Duration.seconds(10))
    /// Failures in a row of the server's own, after which it is out.
    static let failureLimit = 5
    /// After so long without an outage the pauses begin anew.
    static let recovery = Duration.seconds(30)

    private(set) var state: State
    private var pause = Self.pauses.first
    private var failures = 0
    private var failingSince: Instant?
    private var inSince: Instant?

    /// A replica that hasn't been asked yet.
    init(at now: Instant) {
        state = .out(until: now)
    }

    /// It has answered what it was asked about its model.
    mutating func connected() {
        if case .out = state { state = .onProbation }
    }

    /// It has run a batch.
    mutating func succeeded(at now: Instant) {
        (failures, failingSince) = (0, nil)
        switch state {
        // What was sent before it went out may still come back.
        case .out: return
        case .onProbation:
            state = .isIn
            inSince = now
        case .isIn:
            if let since = inSince, now - since >= Self.recovery { pause = Self.pauses.first }
        }
    }

    /// It has failed.
    ///
    /// - Parameters:
    ///   - kind: How.
    ///   - lastSuccess: When another replica of the version ran a batch last. What fails everywhere is not the server's
    ///     fault.
    ///   - now: The present.
    ///   - jitter: From 0 to 1, so that those who lost a server don't all come back to it at the same moment.
    mutating func failed(_ kind: RemoteFailure.Kind, lastSuccess: Instant?, at now: Instant, jitter: Double) {
        if kind == .late { return }
        if case .answered(let code) = kind {
            guard code == .engineFailed || code == .internal else { return succeeded(at: now) }
            failures += 1
            failingSince = failingSince ?? now
            guard failures >= Self.failureLimit, let lastSuccess, let failingSince, lastSuccess > failingSince else {
                return
            }
        }
        // Of several batches that fail at a time the first has said it.
        if case .out(let until) = state, until > now { return }
        (failures, failingSince, inSince) = (0, nil, nil)
        state = .out(until: now + pause * (0.75 + jitter / 2))
        pause = min(pause * 2, Self.pauses.last)
    }
}
