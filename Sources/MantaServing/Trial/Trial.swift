import MantaCore
import MantaTime

/// Judges a new instance by how it does on requests that the old one has just answered. A value; it runs nothing.
///
/// A failure counts at once, since the old instance could answer that request. With an objective for latency, the new
/// one also fails if its runs alone take longer than the objective, or if the load of now wouldn't fit: its runs take
/// so much longer that its replicas would be busy more than all of the time.
struct Trial {
    /// How one request went.
    struct Outcome {
        /// What the new instance took for it, waiting aside.
        var elapsed: Duration
        /// What the old one takes for a batch of as many rows, if that is known.
        var expected: Duration?
    }

    /// Requests after which it has been tried enough.
    let requests: Int
    /// The 99th percentile of latency to keep, if there is one.
    let objective: Duration?
    private(set) var outcomes: [Outcome] = []
    private(set) var failure: String?

    init(requests: Int, objective: Duration?) {
        (self.requests, self.objective) = (requests, objective)
    }

    /// Whether there is nothing more to learn.
    var isOver: Bool { failure != nil || outcomes.count >= requests }

    mutating func passed(_ outcome: Outcome) { outcomes.append(outcome) }

    mutating func failed(_ error: ServingError) {
        failure = failure ?? "it failed a request that the version in service answered: \(error.message)"
    }

    /// Why the new instance isn't fit for service; `nil` if it is, as far as the trial tells.
    ///
    /// - Parameter load: The share of its time that a replica of the old instance is busy, 0 to 1.
    /// - Returns: A sentence for operators.
    func fault(load: Double) -> String? {
        if let failure { return failure }
        guard let objective, outcomes.count >= min(5, requests),
            let elapsed = median(outcomes.map(\.elapsed.seconds))
        else { return nil }
        if elapsed > objective.seconds {
            return
                "its runs take \(elapsed.inMilliseconds), longer than slo.p99_ms allows (\(objective.seconds.inMilliseconds))"
        }
        let ratios = outcomes.compactMap { outcome in outcome.expected.map { outcome.elapsed.seconds / $0.seconds } }
        guard let ratio = median(ratios), ratio > Self.notableSlowdown, load * ratio > 1 else { return nil }
        return
            "its runs take \(ratio.rounded(to: 1)) times as long as before: with the load of now its replicas would be "
            + "busy \(Int(100 * load * ratio)) % of the time, and slo.p99_ms couldn't be kept"
    }

    /// Below this, a difference may be chance: both share the machine while they are compared.
    private static let notableSlowdown = 2.0

    private func median(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.sorted()[values.count / 2]
    }
}

extension Double {
    fileprivate func rounded(to digits: Int) -> Double {
        let factor = digits == 1 ? 10.0 : 1000.0
        return (self * factor).rounded() / factor
    }

    /// Seconds as milliseconds, for messages.
    fileprivate var inMilliseconds: String { "\((self * 1000).rounded(to: 3)) ms" }
}
