package import MantaTime

/// Finds how many replicas, with how many threads each, serve the present load best, by trying. A value: counts in, a
/// setting to use and a reason out.
///
/// The setting in force is the best that is known, to begin with the one that there is. Others take turns with it for a
/// second at a time (``Comparison``), the nearest first, and one that proves better takes its place. When all have been
/// tried, it rests until the load is another one or an hour has passed.
///
/// It is careful with requests. A candidate under which they fail, queue up, or take much longer is broken off within
/// that second; then it rests, longer each time, and what lies beyond it in the same direction isn't tried.
///
/// ```swift
/// var tuner = Tuner(cpus: 4, start: Lanes(replicas: 4, threads: 1))
/// if let step = tuner.tick(sample, at: now) { … }     // every 100 ms; step.use, step.notes
/// ```
package struct Tuner: Sendable {
    /// What to do.
    package struct Step: Sendable, Hashable {
        /// Bring this setting into force. Until it is, samples say that none is.
        package var use: Lanes?
        /// Tell operators.
        package var notes: [String] = []
    }

    private enum Phase {
        /// The best setting is measured, before another is tried; `after` the candidate that was broken off just now.
        case measuring(after: (Comparison, since: Instant)?)
        /// The candidate and the best setting take turns.
        case trying(Comparison)
        /// All were tried. Looks for a change of load, against how it was then.
        case settled(Measurement, at: Instant, changed: Int)
    }

    /// CPUs that settings may use.
    package let cpus: Int
    /// The best setting that is known.
    package private(set) var best: Lanes
    /// Why that, in a sentence.
    package private(set) var reason = "nothing else was tried yet"
    /// What was tried, oldest first; the last hundred.
    package private(set) var trials: [TuningTrial] = []
    /// The best one before.
    private var previous: Lanes?
    private var phase = Phase.measuring(after: nil)
    /// What should be in force now: the best or a candidate.
    package private(set) var wanted: Lanes
    /// Since when it is.
    private var inForce: MeasuringWindow?
    /// What counts: begins when requests that came under the setting before are through.
    private var window: MeasuringWindow?
    private var windowLength = Self.shortWindow
    /// What was tried in this search.
    private var tried: Set<Lanes> = []
    /// What was bad or worse in this search.
    private var deadEnds: Set<Lanes> = []
    /// What isn't tried for now, and how often that was so.
    private var rests: [Lanes: (count: Int, until: Instant)] = [:]

    /// Seconds of a window that counts. Longer where the load is unsteady.
    private static let shortWindow = 1.0
    private static let longestWindow = 8.0
    /// Seconds after which a window ends with few requests, and the requests without which it says nothing.
    private static let patience = 20.0
    private static let (fewRequests, enoughRequests) = (10, 25)
    /// Seconds of a window once nothing is tried any more.
    private static let idleWindow = 10.0
    /// Load that differs by more is another load, if it does in so many windows one after the other.
    private static let (otherLoad, otherLoadWindows) = (2.0, 3)
    private static let lookAgainAfter = Duration.seconds(3600)
    /// How long what was bad or unclear rests, the first time.
    private static let (badRest, unclearRest) = (Duration.seconds(600), Duration.seconds(60))
    /// After so long, what was broken off is no excuse any more for the best setting to do worse than before.
    private static let recovery = Duration.seconds(30)
    private static let longestRest = Duration.seconds(86_400)
    private static let trialsKept = 100

    /// A tuner that knows nothing yet.
    ///
    /// - Parameters:
    ///   - cpus: CPUs that settings may use.
    ///   - start: The setting in force.
    package init(cpus: Int, start: Lanes) {
        self.cpus = max(cpus, 1)
        (best, wanted) = (start, start)
    }

    /// Whether nothing is being tried, so that what only a candidate needs can be freed.
    package var isSettled: Bool {
        if case .settled = phase { true } else { false }
    }

    /// What is tried now, against ``best``.
    package var candidate: Lanes? {
        if case .trying(let comparison) = phase { comparison.candidate } else { nil }
    }
}

// MARK: - Events

extension Tuner {
    /// Requests were counted. Call it every 100 ms or so.
    package mutating func tick(_ sample: TuningSample, at now: Instant) -> Step? {
        guard sample.inForce == wanted else {
            (inForce, window) = (nil, nil)
            return nil
        }
        guard let inForce else {
            inForce = MeasuringWindow(first: sample, startedAt: now)
            return nil
        }
        let sinceChange = inForce.measurement(until: sample, at: now)
        if case .trying(let comparison) = phase, wanted == comparison.candidate,
            let fault = sinceChange.fault(against: comparison.lastBaseline, ongoing: sample.ongoing)
        {
            return breakOff(comparison, fault, at: now)
        }
        guard let window else {
            if isThrough(sinceChange, inForce.first) { window = MeasuringWindow(first: sample, startedAt: now) }
            return nil
        }
        let measured = window.measurement(until: sample, at: now)
        guard measured.length >= max(windowLength, 2 * measured.meanTime) else { return nil }
        if measured.answered < Self.enoughRequests, measured.length < Self.patience { return nil }
        self.window = MeasuringWindow(first: sample, startedAt: now)
        return take(measured, at: now)
    }

    /// Something else goes on, such as an update: back to the best setting. What was tried stays known.
    package mutating func interrupt() -> Step? {
        (inForce, window) = (nil, nil)
        guard case .trying = phase else { return nil }
        phase = .measuring(after: nil)
        return wanted == best ? nil : use(best)
    }

    /// The setting that was to be used can't be.
    package mutating func failed(_ lanes: Lanes, reason: String, at now: Instant) -> Step? {
        guard case .trying(let comparison) = phase, comparison.candidate == lanes else { return nil }
        // The same threads would fail again.
        for choice in choices where choice.threads == lanes.threads && choice.threads != best.threads {
            tried.insert(choice)
        }
        return end(.failed, lanes, reason, at: now)
    }

    /// Requests that came before a change are through. What was never tried also learns its batch size first.
    private func isThrough(_ sinceChange: Measurement, _ first: TuningSample) -> Bool {
        var isNew = false
        if case .trying(let comparison) = phase { isNew = comparison.measured.answered == 0 }
        return sinceChange.length >= max(5, 4 * sinceChange.meanTime)
            || sinceChange.length >= (isNew ? 0.5 : 0.1) && sinceChange.answered >= first.ongoing
    }

    private mutating func take(_ measured: Measurement, at now: Instant) -> Step? {
        let isIdle = measured.answered < Self.fewRequests
        switch phase {
        case .measuring where isIdle:
            return nil
        case .measuring(let after):
            if let (comparison, since) = after, !measured.isLike(comparison.lastBaseline, within: Comparison.steadiness)
            {
                // What queued up under the candidate is worked off first.
                guard now - since >= Self.recovery else { return nil }
                acquit(comparison.candidate, at: now)
            }
            return tryNext(against: measured, at: now)
        case .trying(let comparison) where isIdle:
            let reason = "only \(measured.answered) requests came in \(measured.length.shown) s"
            return end(.unclear, comparison.candidate, reason, at: now)
        case .trying(var comparison) where wanted == comparison.candidate:
            comparison.add(candidate: measured)
            phase = .trying(comparison)
            return use(best)
        case .trying(var comparison):
            let unsteady = comparison.unsteady
            let verdict = comparison.add(baseline: measured)
            if comparison.unsteady > unsteady { windowLength = min(windowLength * 2, Self.longestWindow) }
            phase = .trying(comparison)
            guard let verdict else { return use(comparison.candidate) }
            return conclude(verdict, comparison, at: now)
        case .settled(let load, let began, let changed):
            let isOther = isIdle || !measured.isLike(load, within: Self.otherLoad)
            let count = isOther && !isIdle ? changed + 1 : 0
            phase = .settled(load, at: began, changed: count)
            if isIdle { return nil }
            let isOld = now - began >= Self.lookAgainAfter
            if count >= Self.otherLoadWindows || isOld { return lookAgain(isOld: isOld, measured, load) }
            // What has rested long enough.
            guard next(at: now) != nil else { return nil }
            windowLength = Self.shortWindow
            return tryNext(against: measured, at: now)
        }
    }
}

// MARK: - Decisions

extension Tuner {
    private var choices: [Lanes] { Lanes.choices(cpus: cpus) }

    private mutating func use(_ lanes: Lanes) -> Step {
        (wanted, inForce, window) = (lanes, nil, nil)
        return Step(use: lanes)
    }

    /// Begins with the next candidate, or rests.
    private mutating func tryNext(against measured: Measurement, at now: Instant) -> Step? {
        if let candidate = next(at: now) {
            phase = .trying(Comparison(candidate, against: measured))
            return use(candidate)
        }
        phase = .settled(measured, at: now, changed: 0)
        windowLength = Self.idleWindow
        return Step(notes: ["stays with \(best) (replicas × threads): \(reason)"])
    }

    /// The nearest that hasn't been tried. Of those as near, the one that goes on in the direction that paid last, then
    /// the one that uses more CPUs.
    private func next(at now: Instant) -> Lanes? {
        func isClosed(_ lanes: Lanes) -> Bool {
            lanes == best || tried.contains(lanes) || rests[lanes].map { $0.until > now } ?? false
        }
        func isOpen(_ lanes: Lanes) -> Bool {
            !isClosed(lanes)
                && !deadEnds.contains {
                    lanes.isBeyond($0, from: best) && isClosed($0)
                }
        }
        func order(_ lanes: Lanes) -> (Int, Int, Int, Int) {
            let goesOn = previous.map { lanes.isBeyond(best, from: $0) } ?? false
            let cpus = lanes.replicas * lanes.threads
            return (lanes.distance(to: best), goesOn ? 0 : 1, -cpus, lanes.threads)
        }
        return choices.filter(isOpen).min { order($0) < order($1) }
            ?? best.middles(towards: tried.union(deadEnds), cpus: cpus).first(where: isOpen)
    }

    /// The trial has gone its way, and the baseline was measured last.
    private mutating func conclude(_ verdict: Comparison.Verdict, _ comparison: Comparison, at now: Instant) -> Step? {
        let candidate = comparison.candidate
        let reason = "\(comparison.measured.words); \(best) had \(comparison.baseline.words)"
        switch verdict {
        case .better:
            rests[candidate] = nil
            return end(.better, candidate, reason, at: now)
        case .noBetter, .worse:
            let step = end(verdict == .worse ? .worse : .noBetter, candidate, reason, at: now)
            return step + tryNext(against: comparison.lastBaseline, at: now)
        case .unclear:
            let step = end(.unclear, candidate, "the load changed too much to compare it", at: now)
            return step + tryNext(against: comparison.lastBaseline, at: now)
        }
    }

    private mutating func breakOff(_ comparison: Comparison, _ fault: String, at now: Instant) -> Step? {
        let step = end(.bad, comparison.candidate, fault, at: now)
        phase = .measuring(after: (comparison, since: now))
        return step
    }

    /// What was broken off wasn't to blame: the best setting doesn't do as before either. It is tried again soon.
    private mutating func acquit(_ lanes: Lanes, at now: Instant) {
        let count = max((rests[lanes]?.count ?? 0) - 1, 0)
        rests[lanes] = (count, now + Self.unclearRest)
        deadEnds.remove(lanes)
        guard let last = trials.indices.last, trials[last].lanes == lanes else { return }
        trials[last].outcome = .unclear
        trials[last].reason += ", but then \(best) did no better: the load has changed"
    }

    /// What was broken off or couldn't be compared is tried again, but ever later.
    private mutating func rest(_ lanes: Lanes, _ first: Duration, at now: Instant) {
        let count = rests[lanes]?.count ?? 0
        rests[lanes] = (count + 1, now + min(first * (1 << min(count, 20)), Self.longestRest))
    }

    /// The trial is over: the better of the two is in force from now on, and measured before the next one.
    private mutating func end(_ outcome: TuningTrial.Outcome, _ lanes: Lanes, _ why: String, at now: Instant) -> Step {
        let (old, isBetter) = (best, outcome == .better)
        if trials.count == Self.trialsKept { trials.removeFirst() }
        trials.append(TuningTrial(at: now, lanes: lanes, against: old, outcome: outcome, reason: why))
        switch outcome {
        case .bad, .failed: rest(lanes, Self.badRest, at: now)
        case .unclear: rest(lanes, Self.unclearRest, at: now)
        case .better, .noBetter, .worse: tried.insert(lanes)
        }
        if outcome == .bad || outcome == .worse { deadEnds.insert(lanes) }
        phase = .measuring(after: nil)
        if isBetter {
            (previous, best, reason) = (old, lanes, why)
            // It was compared with what is in force now.
            tried.insert(old)
        } else if old == reasonless {
            reason = "\(lanes) was \(outcome.rawValue): \(why)"
        }
        var step = Step()
        if wanted != best { step = use(best) }
        let change = isBetter ? "\(old) → \(best)" : "\(old) stays, \(lanes) was \(outcome.rawValue)"
        step.notes = ["\(change) (replicas × threads): \(why)"]
        return step
    }

    /// The setting that nothing was found better than, nor it better than another, so that it has no reason yet.
    private var reasonless: Lanes? { trials.contains { $0.outcome == .better } ? nil : best }

    private mutating func lookAgain(isOld: Bool, _ measured: Measurement, _ load: Measurement) -> Step {
        (tried, deadEnds, phase, windowLength) = ([], [], .measuring(after: nil), Self.shortWindow)
        let why = isOld ? "an hour has passed" : "the load has changed: \(measured.words), it was \(load.words)"
        return Step(notes: ["looks for a better setting than \(best) again, since \(why)"])
    }
}

extension Tuner.Step {
    fileprivate static func + (first: Self, second: Self?) -> Self {
        Tuner.Step(use: second?.use ?? first.use, notes: first.notes + (second?.notes ?? []))
    }
}
