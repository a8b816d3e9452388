public import MantaTime

/// Decides how many replicas a deployment should have. A value: measurements in, a count and a reason out.
///
/// Three rules:
///
/// 1. Ray Serve's: ongoing requests, averaged over the look-back period, divided by the target for one replica. More
///    must be wanted during the whole upscale delay, fewer during the whole downscale delay, in elapsed time.
/// 2. When requests queue for longer than they may, and ever longer, or are refused, there are more at once: as many as
///    the arrivals and the queue need.
/// 3. There become no fewer than the arrivals need, as far as is known: by what the batches in force cost, and by the
///    load at which so few were not enough before.
///
/// ```swift
/// var autoscaler = Autoscaler(configuration, cpus: 4)
/// autoscaler.observe(sample, at: now)                        // every `metricsInterval`
/// if let decision = autoscaler.decide(at: now, wanted: 1) {  // decision.to, decision.reason
/// ```
///
/// Direction changes are bounded, whatever the queue does. Each increase from n notes the arrival rate at which n and
/// fewer did not suffice, and for an hour there are n or fewer again only at less than 0.7 of it. So while the rate
/// stays within a band whose lower end is more than 0.7 of its upper one, each increase raises for an hour the least
/// count that can be returned to, and every second change of direction is an increase: in an hour there are at most
/// twice as many as `allowed` has counts, and as soon as the count has held once, none. When the rate swings more
/// widely, each decrease still needs a downscale delay of its own: at most two changes of direction in each.
public struct Autoscaler: Sendable {
    /// What is kept to.
    public let configuration: AutoscalingConfiguration
    /// How many replicas there may be.
    public private(set) var allowed: ClosedRange<Int>
    /// The last decisions.
    public private(set) var log = DecisionLog()
    private var window: LoadWindow
    /// What was wanted during the upscale delay and the downscale delay.
    private var leastWanted: SlidingExtreme
    private var mostWanted: SlidingExtreme
    /// The load at which so many replicas were not enough.
    private var notes: [Int: Note] = [:]
    /// When something was last asked, or observing began.
    private var lastActive: Instant?

    /// When there were last fewer. An average falls gradually, and each of its values would be a decision.
    private var lastDecrease: Instant?

    private struct Note {
        var arrivalRate: Double
        /// An average shows a sudden load in full only later. Until then nothing is given up anyway.
        var isOpenUntil: Instant
        var expires: Instant
    }

    /// For how long it is remembered that a count wasn't enough.
    private static let noteLifetime = Duration.seconds(3600)
    /// Load that differs by less than this ratio is the same load.
    private static let steady = 0.7
    /// The part of their capacity that fewer replicas may need. Beyond it queues grow by chance alone.
    private static let fullest = 0.9
    /// A queue is to be gone after so long, or after so many runs if that is longer.
    private static let drainTime = (seconds: 4.0, runs: 4.0)

    /// An autoscaler that has seen nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: One without ``AutoscalingConfiguration/faults``.
    ///   - cpus: How many CPUs the process may use.
    public init(_ configuration: AutoscalingConfiguration, cpus: Int) {
        precondition(configuration.faults.isEmpty, "the autoscaling configuration has faults")
        self.configuration = configuration
        allowed = configuration.allowedReplicas(cpus: cpus)
        window = LoadWindow(period: configuration.lookBackPeriod, memory: configuration.downscaleDelay / 2)
        leastWanted = SlidingExtreme(over: configuration.upscaleDelay, by: <)
        mostWanted = SlidingExtreme(over: configuration.downscaleDelay, by: >)
    }
}

// MARK: - Events

extension Autoscaler {
    /// There are so many CPUs from now on, which is the most replicas where the configuration doesn't say.
    public mutating func allow(cpus: Int) {
        allowed = configuration.allowedReplicas(cpus: cpus)
    }

    /// The load was measured. A sample that can't be, or is older than the last, is left out.
    public mutating func observe(_ sample: LoadSample, at now: Instant) {
        guard sample.isPlausible else { return }
        window.add(sample, at: now)
        for (count, note) in notes where note.isOpenUntil >= now {
            notes[count]?.arrivalRate = max(note.arrivalRate, window.slowRate)
        }
        if lastActive == nil || sample.ongoing > 0 || sample.arrivals > 0 { lastActive = now }
    }

    /// Decides. Call it after each ``observe(_:at:)``.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - wanted: How many replicas are wanted now, ready or not.
    /// - Returns: A change, or `nil` if the count is right.
    public mutating func decide(at now: Instant, wanted: Int) -> Decision? {
        guard allowed.contains(wanted) else {
            let nearest = min(max(wanted, allowed.lowerBound), allowed.upperBound)
            let bound = nearest > wanted ? "min_replicas is \(nearest)" : "max_replicas is \(nearest)"
            return change(from: wanted, to: nearest, bound, at: now)
        }
        guard let sample = window.latest else { return nil }
        if wanted == 0 { return sample.ongoing > 0 || sample.arrivals > 0 ? wake(at: now, wanted: 0) : nil }

        let byRule = countByRule(wanted: wanted)
        let overload = overload(wanted: wanted)
        leastWanted.add(byRule, at: now)
        mostWanted.add(max(byRule, overload?.count ?? 0), at: now)

        if let overload, overload.count > max(wanted, byRule) {
            return increase(from: wanted, to: overload.count, overload.reason, at: now)
        }
        if let least = leastWanted.value(at: now), least > wanted {
            return increase(from: wanted, to: least, ruleReason(wanted: wanted), at: now)
        }
        if wanted > 1, let most = mostWanted.value(at: now), most < wanted,
            lastDecrease.map({ now - $0 >= configuration.lookBackPeriod }) ?? true
        {
            return decrease(from: wanted, to: max(most, 1), at: now)
        }
        return sleep(at: now, wanted: wanted)
    }

    /// A request waits and no replica is wanted: there must be one, whatever the delays. `nil` if one is.
    public mutating func wake(at now: Instant, wanted: Int) -> Decision? {
        lastActive = now
        guard wanted == 0 else { return nil }
        return change(
            from: 0, to: bounded(configuration.upscalingFactor.rounded(.up)), "a request came and there was no replica",
            at: now)
    }
}

// MARK: - Rules

extension Autoscaler {
    /// Ray's rule. The factors scale the difference to what is wanted now; a decrease that they round away is one.
    private func countByRule(wanted: Int) -> Int {
        guard let ongoing = window.meanOngoing else { return wanted }
        let needed = ongoing / targetOngoingRequests
        let difference = needed - Double(wanted)
        let factor = difference > 0 ? configuration.upscalingFactor : configuration.downscalingFactor
        // Sums of times are off in the last digits, and 2.0000000001 replicas are not 3.
        let tolerance = 1e-9
        let count = bounded((Double(wanted) + factor * difference - tolerance).rounded(.up))
        if count == wanted, (needed - tolerance).rounded(.up) < Double(wanted) { return bounded(Double(wanted - 1)) }
        guard configuration.targetOngoingRequests == nil, count > wanted else { return count }
        // A queue that is being worked off counts as ongoing, and dividing it by a target would add replicas that are
        // idle when it is gone. So where the target is ours, there are no more than the load needs.
        let excess = max(0, window.meanQueued - Double(wanted) * targetOngoingRequests / 2)
        guard let enough = countByLoad(rate: window.certainRate, queued: excess) else { return count }
        return min(count, max(enough, wanted))
    }

    /// How many replicas there must be at once, or `nil` if those that are wanted keep up or are still starting.
    private func overload(wanted: Int) -> (count: Int, reason: String)? {
        guard let sample = window.latest, sample.replicas >= wanted else { return nil }
        let reason: String
        if sample.refused > 0 {
            reason = "\(sample.refused) requests were refused since the queue was full"
        } else if sample.expectedWait > targetQueueWait.seconds, window.isWaitGrowing {
            reason =
                "requests queue for \(milliseconds(sample.expectedWait)) ms and ever longer, "
                + "the target is \(milliseconds(targetQueueWait.seconds)) ms"
        } else {
            return nil
        }
        let needed = countByLoad(rate: window.provenRate, queued: Double(sample.queued)) ?? 0
        return (max(needed, bounded(Double(wanted + 1))), reason)
    }

    /// How many replicas answer so many arrivals a second and make the queue go away in time; `nil` while a run's cost
    /// isn't known.
    private func countByLoad(rate: Double, queued: Double) -> Int? {
        guard let sample = window.latest, let capacity = sample.capacity else { return nil }
        let drainTime = max(Self.drainTime.seconds, Self.drainTime.runs * (sample.runTime ?? .zero).seconds)
        return bounded(((rate + queued / drainTime) / capacity).rounded(.up))
    }

    private mutating func increase(
        from: Int, to: Int, _ reason: String, at now: Instant
    ) -> Decision {
        // Fewer would not have been enough either.
        for count in allowed where count <= from {
            if let old = notes[count], old.expires > now, old.arrivalRate < window.slowRate {
                notes[count]?.expires = now + Self.noteLifetime
            } else {
                notes[count] = Note(
                    arrivalRate: window.slowRate, isOpenUntil: now + configuration.downscaleDelay,
                    expires: now + Self.noteLifetime)
            }
        }
        return change(from: from, to: to, reason, at: now)
    }

    private mutating func decrease(from: Int, to: Int, at now: Instant) -> Decision? {
        guard let count = (to..<from).first(where: { suffices($0, at: now) }) else { return nil }
        lastDecrease = now
        let reason = "\(ruleReason(wanted: from)) for \(configuration.downscaleDelay.seconds.rounded(toPlaces: 1)) s"
        guard count > to else { return change(from: from, to: count, reason, at: now) }
        return change(
            from: from, to: count, "\(reason); fewer than \(count) would not keep up with the arrivals", at: now)
    }

    /// Whether so many replicas keep up with the arrivals, as far as is known.
    private func suffices(_ count: Int, at now: Instant) -> Bool {
        let rate = window.arrivalRate
        if let capacity = window.latest?.capacity, rate > Self.fullest * Double(count) * capacity { return false }
        return notes.allSatisfy { failed, note in
            failed < count || note.expires <= now || rate <= Self.steady * note.arrivalRate
        }
    }

    /// The last replica goes when nothing was asked for long enough.
    private mutating func sleep(at now: Instant, wanted: Int) -> Decision? {
        let delay = configuration.downscaleToZeroDelay ?? configuration.downscaleDelay
        guard wanted == 1, allowed.contains(0), let lastActive, now - lastActive >= delay else {
            return nil
        }
        return change(
            from: 1, to: 0, "no request for \(delay.seconds.rounded(toPlaces: 1)) s", at: now)
    }
}

// MARK: - Words and numbers

extension Autoscaler {
    private var targetOngoingRequests: Double {
        configuration.targetOngoingRequests ?? 2 * (window.latest?.requestsPerBatch ?? 1)
    }

    private var targetQueueWait: Duration {
        configuration.targetQueueWait ?? max(.milliseconds(50), (window.latest?.runTime ?? .zero) * 2)
    }

    private func bounded(_ count: Double) -> Int {
        Int(min(max(count, Double(allowed.lowerBound)), Double(allowed.upperBound)))
    }

    private func ruleReason(wanted: Int) -> String {
        let ongoing = (window.meanOngoing ?? 0).rounded(toPlaces: 1)
        return "\(ongoing) ongoing requests for \(wanted) \(wanted == 1 ? "replica" : "replicas"), "
            + "the target is \(targetOngoingRequests.rounded(toPlaces: 1)) for each"
    }

    private func milliseconds(_ seconds: Double) -> Double { (seconds * 1000).rounded(toPlaces: 1) }

    private mutating func change(
        from: Int, to: Int, _ reason: String, at now: Instant
    ) -> Decision {
        let sample = window.latest
        let inputs = Decision.Inputs(
            ongoing: window.meanOngoing ?? Double(sample?.ongoing ?? 0), queued: sample?.queued ?? 0,
            replicas: sample?.replicas ?? 0, targetOngoingRequests: targetOngoingRequests,
            queueWait: sample?.queueWait ?? .zero, targetQueueWait: targetQueueWait,
            arrivalsPerSecond: window.arrivalRate, capacityPerSecond: sample?.capacity)
        let decision = Decision(at: now, from: from, to: to, reason: reason, inputs: inputs)
        log.append(decision)
        return decision
    }
}

extension Double {
    fileprivate func rounded(toPlaces places: Int) -> Double {
        let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
        return (self * scale).rounded() / scale
    }
}
