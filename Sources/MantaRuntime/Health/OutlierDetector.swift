package import MantaTime

/// Decides whether a remote target gets requests, by what became of those that it got.
///
/// In: it gets requests. Becomes out at once when it refuses or resets a connection, when it fails too often in a row,
/// and when an answer takes far longer than usual, whether that one came or is still awaited.
/// Out: it gets none until a delay is over, which doubles each time, and then a single one as a probe. Becomes in when
/// that is answered well, and stays out for longer if not.
///
/// ```swift
/// guard detector.mayTake(at: now) else { … }    // try another target
/// detector.sent(id, at: now, deadline: deadline)
/// detector.answered(id, at: now)                // or failed, or withdrawn
/// detector.passed(now)                          // at `detector.nextDue`: nobody may answer any more
/// detector.outage                               // since when it is out, why, until when
/// ```
///
/// Only what was sent counts, so a target that gets nothing stays as it is. Waiting for a deadline that leaves no time
/// for a usual answer isn't the target's fault and doesn't count.
package struct OutlierDetector<Random: RandomNumberGenerator & Sendable>: Sendable {
    private struct Request {
        let sent: Instant
        /// When a missing answer counts.
        let due: Instant
    }

    /// Why it is out; `nil` while it is in.
    package private(set) var outage: Outage?
    private let configuration: OutlierConfiguration
    private var random: Random
    private var time = AnswerTime()
    /// What it has got and not answered.
    private var requests: [Int: Request] = [:]
    /// When those were sent that it had not answered when it went out.
    private var given: [Int: Instant] = [:]
    /// The request that is a probe.
    private var probe: Int?
    private var failuresInARow = 0
    /// Times out without a long good time between them.
    private var outages = 0
    /// Since when it is in; `nil` if it always was.
    private var inSince: Instant?

    /// A target of which nothing is known: it is in.
    ///
    /// - Parameters:
    ///   - configuration: When it counts as out.
    ///   - random: For the jitter of the delays.
    package init(_ configuration: OutlierConfiguration = OutlierConfiguration(), random: Random) {
        (self.configuration, self.random) = (configuration, random)
    }

    /// Whether a request may be sent to it now. While it is out one may, once its delay is over: the probe.
    package func mayTake(at now: Instant) -> Bool {
        guard let outage else { return true }
        return probe == nil && now >= outage.probeAt
    }

    /// When to call ``passed(_:)``: the earliest time at which a missing answer counts; `nil` if nothing is awaited.
    package var nextDue: Instant? { requests.values.map(\.due).min() }
}

// MARK: - Events

extension OutlierDetector {
    /// It got a request. To be called only where it ``mayTake(at:)`` one.
    package mutating func sent(_ id: Int, at now: Instant, deadline: Instant? = nil) {
        if outage != nil { probe = id }
        var due = now + patience
        if let deadline, deadline - now >= time.slowest ?? configuration.firstPatience { due = min(due, deadline) }
        requests[id] = Request(sent: now, due: due)
    }

    /// It answered well, or in a way that is the request's fault.
    package mutating func answered(_ id: Int, at now: Instant) {
        guard let request = requests.removeValue(forKey: id) else { return answeredLate(id, at: now) }
        time.add(now - request.sent)
        if now > request.due { return takeOut(.slow(now - request.sent), at: now) }
        failuresInARow = 0
        guard probe == id else { return }
        probe = nil
        outage = nil
        inSince = now
    }

    /// It failed a request.
    package mutating func failed(_ id: Int, _ failure: TargetFailure, at now: Instant) {
        guard let request = requests.removeValue(forKey: id) else { return }
        if now > request.due { return takeOut(.slow(now - request.sent), at: now) }
        switch failure {
        case .refused, .reset: takeOut(.broken(failure), at: now)
        case .error(let message): countFailure(message, of: id, at: now)
        }
    }

    /// A request was taken back before it was answered: its deadline passed, or its caller left.
    package mutating func withdrawn(_ id: Int, at now: Instant) {
        guard let request = requests.removeValue(forKey: id) else { return }
        let waited = now - request.sent
        if now >= request.due {
            takeOut(.silent(waited), at: now)
        } else if let usual = time.slowest, waited >= usual {
            countFailure("no answer in \(waited.milliseconds) ms", of: id, at: now)
        } else if probe == id {
            // It proves nothing: another one may be the probe.
            probe = nil
        }
    }

    /// Time has passed.
    package mutating func passed(_ now: Instant) {
        guard let oldest = requests.values.filter({ $0.due <= now }).min(by: { $0.sent < $1.sent }) else { return }
        takeOut(.silent(now - oldest.sent), at: now)
    }
}

// MARK: - Rules

extension OutlierDetector {
    private var patience: Duration {
        time.slowest.map { max($0 * configuration.slowFactor, configuration.leastPatience) }
            ?? configuration.firstPatience
    }

    /// An answer that nobody waited for any more shows that it lives, and how slow it has become: one that is slower for
    /// good must not be out for good.
    private mutating func answeredLate(_ id: Int, at now: Instant) {
        guard let sent = given.removeValue(forKey: id) else { return }
        time.add(now - sent)
        if let outage, outage.probeAt > now { self.outage?.probeAt = now }
    }

    private mutating func countFailure(_ message: String, of id: Int, at now: Instant) {
        failuresInARow += 1
        if probe == id || failuresInARow >= configuration.failuresInARow {
            takeOut(.failing(failuresInARow, last: message.shortened), at: now)
        }
    }

    private mutating func takeOut(_ reason: Outage.Reason, at now: Instant) {
        if outage == nil, let inSince, now - inSince >= configuration.recovery { outages = 0 }
        let delay = configuration.delays.delay(after: outages, using: &random)
        outage = Outage(since: outage?.since ?? now, reason: reason, probeAt: now + delay)
        outages += 1
        // Whatever becomes of the others was caused by the same.
        given = requests.mapValues(\.sent)
        requests.removeAll()
        probe = nil
        failuresInARow = 0
    }
}
