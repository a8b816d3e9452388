import MantaTime

/// The samples of the look-back period, and what they say together.
struct LoadWindow: Sendable {
    /// A sample stands for the time since the one before it, of which `seconds` lie in the window.
    private struct Entry {
        /// Seconds after the first sample.
        var at: Double
        var seconds: Double
        var sample: LoadSample
    }

    private let period: Double
    /// The slow average forgets over this many seconds.
    private let memory: Double
    private var start: Instant?
    private var entries: [Entry] = []
    /// Requests that arrive in a second, averaged over `memory` with older ones counting less.
    private(set) var slowRate = 0.0

    /// A rate counts as proven if chance alone would hardly give it: three standard deviations of a Poisson count.
    private static let deviations = 3.0
    /// Rates over fewer seconds than these say more of bursts than of load.
    private static let shortestRate = (proven: 0.5, average: 2.0)

    init(period: Duration, memory: Duration) {
        self.period = period.seconds
        self.memory = max(memory, period).seconds
    }

    /// The last sample.
    var latest: LoadSample? { entries.last?.sample }

    mutating func add(_ sample: LoadSample, at now: Instant) {
        let start = start ?? now
        self.start = start
        let at = (now - start).seconds
        let seconds = entries.last.map { at - $0.at } ?? 0
        guard seconds >= 0 else { return }
        let begin = at - period
        entries.append(Entry(at: at, seconds: seconds, sample: sample))
        while entries[0].at <= begin { entries.removeFirst() }
        entries[0].seconds = min(entries[0].seconds, entries[0].at - begin)
        guard seconds > 0 else { return }
        // The first samples count more, so that the average doesn't take long to leave zero.
        let weight = max(seconds / (memory + seconds), seconds / max(at, Self.shortestRate.average))
        slowRate += min(weight, 1) * (Double(sample.arrivals) / seconds - slowRate)
    }

    /// Ongoing requests, averaged over time; `nil` until there is a time to average over.
    var meanOngoing: Double? { mean { $0.ongoing } }

    /// Queued requests, averaged over time.
    var meanQueued: Double { mean { $0.queued } ?? 0 }

    /// Requests that arrive in a second: the larger of a slow average and that of the window, so an increase shows at
    /// once and a decrease when it has lasted.
    var arrivalRate: Double {
        var (arrivals, seconds) = (0.0, 0.0)
        for entry in entries {
            arrivals += Double(entry.sample.arrivals)
            seconds += entry.seconds
        }
        return max(slowRate, arrivals / max(seconds, Self.shortestRate.average))
    }

    /// Requests that arrive in a second at least: the larger of a slow average and of what the last seconds prove.
    var certainRate: Double { max(slowRate, provenRate) }

    /// The highest rate that some latest part of the window proves.
    var provenRate: Double {
        var (arrivals, seconds, proven) = (0.0, 0.0, 0.0)
        for entry in entries.reversed() {
            arrivals += Double(entry.sample.arrivals)
            seconds += entry.seconds
            let certain = arrivals - Self.deviations * arrivals.squareRoot()
            proven = max(proven, certain / max(seconds, Self.shortestRate.proven))
        }
        return proven
    }

    /// Whether the wait to expect has never been longer in the window with as many replicas as now.
    ///
    /// Not known until one run after the replicas have changed: their effect is awaited first.
    var isWaitGrowing: Bool {
        guard let last = entries.last else { return false }
        let before = entries.dropLast().reversed().prefix { $0.sample.replicas == last.sample.replicas }
        guard let first = before.last, last.at - first.at >= (last.sample.runTime ?? .zero).seconds else {
            return false
        }
        return before.allSatisfy { $0.sample.expectedWait < last.sample.expectedWait }
    }

    private func mean(_ value: (LoadSample) -> Int) -> Double? {
        var (sum, seconds) = (0.0, 0.0)
        for entry in entries {
            sum += entry.seconds * Double(value(entry.sample))
            seconds += entry.seconds
        }
        return seconds > 0 ? sum / seconds : nil
    }
}
