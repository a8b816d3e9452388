import MantaAutoscaler
import MantaTime

/// When a front says how much its deployments have to do, and what: a value.
///
/// It says so at most once in an ``interval``, when it has changed noticeably, or now and then while there is any: what
/// is said and not said again is soon believed no more. At rest it says nothing. It speaks at once for a request that
/// waits for a deployment without a replica.
struct LoadReport: Sendable {
    /// Over which load is averaged.
    static let interval = Duration.seconds(1)
    /// Load that hasn't changed is said again after so long.
    static let refreshTime = Duration.seconds(5)

    /// What was measured of a deployment since the period began.
    fileprivate struct Sum {
        /// Ongoing requests times seconds.
        var ongoing = 0.0
        var seconds = 0.0
        var arrivals = 0
        var refused = 0
        var last: LoadSample
        var longestWait = Duration.zero
    }

    private var sums: [String: Sum] = [:]
    private var periodBegan: Instant?
    private var measured: Instant?
    private var said: (record: LoadRecord, at: Instant)?

    init() {}

    /// What was said isn't there any more, or may not be.
    mutating func lost() { said = nil }

    /// The load was measured, of all deployments that follow it.
    ///
    /// - Returns: What to say now; `nil` for nothing.
    mutating func measured(_ samples: [String: LoadSample], at now: Instant) -> LoadRecord? {
        let seconds = measured.map { (now - $0).seconds } ?? 0
        measured = now
        let began = periodBegan ?? now
        periodBegan = began
        sums = sums.filter { samples[$0.key] != nil }
        for (name, sample) in samples { sums[name, default: Sum(last: sample)].add(sample, seconds: seconds) }
        if now - began >= Self.interval {
            defer { (sums, periodBegan) = ([:], now) }
            let record = LoadRecord(loads: sums.compactMapValues { $0.load(over: (now - began).seconds) })
            return isNews(record, at: now) ? say(record, at: now) : nil
        }
        let urgent = samples.filter { $0.value.replicas == 0 && $0.value.ongoing > 0 }.keys
            .filter { said?.record.loads[$0] == nil }
        guard !urgent.isEmpty else { return nil }
        var record = said?.record ?? LoadRecord()
        for name in urgent { record.loads[name] = samples[name].map { LoadRecord.Load(waiting: $0) } }
        return say(record, at: now)
    }

    private mutating func say(_ record: LoadRecord, at now: Instant) -> LoadRecord {
        said = (record, now)
        return record
    }

    private func isNews(_ record: LoadRecord, at now: Instant) -> Bool {
        guard let said else { return !record.loads.isEmpty }
        // What was urgent was said in between.
        if now - said.at < Self.interval { return false }
        if !record.loads.isEmpty, now - said.at >= Self.refreshTime { return true }
        return record.loads.count != said.record.loads.count
            || record.loads.contains { name, load in
                said.record.loads[name].map { load.differsNoticeably(from: $0) } ?? true
            }
    }
}

extension LoadReport.Sum {
    fileprivate mutating func add(_ sample: LoadSample, seconds: Double) {
        ongoing += Double(sample.ongoing) * seconds
        self.seconds += seconds
        arrivals += sample.arrivals
        refused += sample.refused
        longestWait = max(longestWait, sample.queueWait)
        last = sample
    }

    /// The load of a period; `nil` for none.
    fileprivate func load(over period: Double) -> LoadRecord.Load? {
        guard ongoing > 0 || arrivals > 0 || last.ongoing > 0 else { return nil }
        return LoadRecord.Load(
            ongoing: seconds > 0 ? ongoing / seconds : Double(last.ongoing), queued: last.queued,
            queueWait: last.queued > 0 ? longestWait : .zero, arrivals: Double(arrivals) / period,
            refused: Double(refused) / period, requestsPerBatch: last.requestsPerBatch, runTime: last.runTime)
    }
}

extension LoadRecord.Load {
    /// That of a deployment without a replica, for which requests wait.
    fileprivate init(waiting sample: LoadSample) {
        self.init(ongoing: Double(sample.ongoing), queued: sample.queued)
    }

    fileprivate func differsNoticeably(from other: Self) -> Bool {
        func differ(_ one: Double, _ two: Double, by least: Double) -> Bool {
            abs(one - two) > max(least, 0.1 * max(one, two))
        }
        return differ(ongoing, other.ongoing, by: 0.5) || differ(Double(queued), Double(other.queued), by: 1)
            || differ(queueWait.seconds, other.queueWait.seconds, by: 0.02)
            || differ(arrivals, other.arrivals, by: 1) || differ(refused, other.refused, by: 0)
            || differ(requestsPerBatch, other.requestsPerBatch, by: 0.5)
            || differ((runTime ?? .zero).seconds, (other.runTime ?? .zero).seconds, by: 0.001)
    }
}
