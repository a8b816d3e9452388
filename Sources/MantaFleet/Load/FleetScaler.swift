import MantaAutoscaler
import MantaTime

/// Decides how many replicas deployments have that follow their load, by what all fronts say of it: a value.
///
/// The count is in the store, in the deployment's record: another leader goes on from there. What a leader hasn't watched
/// for long enough it doesn't make fewer of.
struct FleetScaler: Sendable {
    /// A front that was killed counts until its lease is over, and one that has lost its lease until it has another. So
    /// nothing becomes less because of what wasn't said for a shorter time.
    static let shortestDownscaleDelay = Duration.seconds(10)
    /// What a front hasn't said again for so long isn't true any more.
    static let trustTime = Duration.seconds(15)
    /// A gap in what is known of the load that is longer than this makes what was seen before it worth nothing.
    private static let longestGap = Duration.seconds(5)

    private struct Followed {
        let configuration: AutoscalingConfiguration
        var autoscaler: Autoscaler
        var count: Int
        var last: ScalingRecord.Change?
        /// How many replicas take batches.
        var ready = 0
        var counter = ArrivalCounter()

        init(_ configuration: AutoscalingConfiguration, cpus: Int, count: Int, last: ScalingRecord.Change?) {
            self.configuration = configuration
            autoscaler = Autoscaler(configuration.inFleet, cpus: max(cpus, count))
            (self.count, self.last) = (count, last)
        }
    }

    /// What a front said, and when it was known first.
    private struct Report {
        var loads: [String: LoadRecord.Load]
        var revision: Int64
        var since: Instant
    }

    private var followed: [String: Followed] = [:]
    private var reports: [String: Report] = [:]
    private var looked: Instant?
    private var cpus = 1

    init() {}

    /// Whether there is a deployment that follows its load.
    var isNeeded: Bool { !followed.isEmpty }

    // MARK: - Counts

    /// Gives deployments the count that is decided.
    ///
    /// - Parameters:
    ///   - wanted: The deployments that the leader's files and operators want.
    ///   - ended: The names of those that they don't want any more.
    ///   - state: What is in the store.
    /// - Returns: What is wanted, and those in the store that others want and whose count follows the load.
    mutating func counted(
        _ wanted: [DeploymentRecord], ended: Set<String>, over state: FleetState
    ) -> [DeploymentRecord] {
        let names = Set(wanted.map(\.name))
        let others = state.deployments.values.filter {
            $0.scaling != nil && !names.contains($0.name) && !ended.contains($0.name)
        }
        var records = wanted + others.sorted { $0.name < $1.name }
        let following = Set(records.filter { $0.scaling != nil }.map(\.name))
        followed = followed.filter { following.contains($0.key) }
        guard !following.isEmpty else { return records }
        cpus = state.workerCPUs
        let ready = state.readyCounts
        for index in records.indices {
            let record = records[index]
            guard let configuration = record.scaling?.configuration, configuration.faults.isEmpty else { continue }
            let old = state.deployments[record.name]
            var entry =
                followed[record.name].flatMap { $0.configuration == configuration ? $0 : nil }
                ?? Followed(
                    configuration, cpus: cpus,
                    count: count(of: record, configuration, after: old, workers: state.takers.count),
                    last: followed[record.name]?.last ?? old?.scaling?.last)
            let groups = record.groups + (old?.groups ?? [])
            entry.ready = groups.map { ready[$0.name] ?? 0 }.max() ?? 0
            followed[record.name] = entry
            records[index].replicas = entry.count
            records[index].scaling?.last = entry.last
        }
        return records
    }

    /// What a deployment begins with here.
    private func count(
        of record: DeploymentRecord, _ configuration: AutoscalingConfiguration, after old: DeploymentRecord?,
        workers: Int
    ) -> Int {
        guard let old else { return configuration.firstReplicas(cpus: cpus) }
        let known = followed[record.name]?.count
        // What was scaled by hand to none begins with one, which tells what requests look like.
        let present = known ?? (old.scaling == nil ? max(old.replicas ?? workers, 1) : old.replicas ?? 1)
        return min(max(present, configuration.minReplicas), configuration.maxReplicas ?? .max)
    }

    // MARK: - Load

    /// Looks at what fronts have said.
    ///
    /// - Parameters:
    ///   - said: Their records, with the revision of each.
    ///   - now: The present.
    /// - Returns: What changes, by deployment.
    mutating func look(
        at said: [String: (record: LoadRecord, revision: Int64)], at now: Instant
    ) -> [(deployment: String, decision: Decision)] {
        let elapsed = looked.map { now - $0 }
        looked = now
        if let elapsed, elapsed > Self.longestGap { restart() }
        reports = said.reduce(into: [:]) { reports, front in
            let known = self.reports[front.key].flatMap { $0.revision == front.value.revision ? $0 : nil }
            reports[front.key] =
                known ?? Report(loads: front.value.record.loads, revision: front.value.revision, since: now)
        }
        let loads = reports.values.filter { now - $0.since < Self.trustTime }.map(\.loads)
        return followed.keys.sorted().compactMap { name in
            decide(name, loads.compactMap { $0[name] }, elapsed: elapsed ?? .zero, at: now).map { (name, $0) }
        }
    }

    /// What was seen before says nothing of what will be seen.
    private mutating func restart() {
        for (name, entry) in followed {
            followed[name] = Followed(entry.configuration, cpus: cpus, count: entry.count, last: entry.last)
            followed[name]?.ready = entry.ready
        }
    }

    private mutating func decide(
        _ name: String, _ loads: [LoadRecord.Load], elapsed: Duration, at now: Instant
    ) -> Decision? {
        guard var entry = followed[name] else { return nil }
        entry.autoscaler.allow(cpus: max(cpus, entry.count))
        entry.autoscaler.observe(entry.counter.sample(of: loads, ready: entry.ready, elapsed: elapsed), at: now)
        let decision = entry.autoscaler.decide(at: now, wanted: entry.count)
        if let decision { (entry.count, entry.last) = (decision.to, ScalingRecord.Change(decision)) }
        followed[name] = entry
        return decision
    }
}

/// Makes whole requests of the rates that fronts tell: what is left over counts the next time.
private struct ArrivalCounter {
    private var ongoing = 0.5
    private var arrivals = 0.5
    private var refused = 0.5

    /// The load of all fronts together.
    mutating func sample(of loads: [LoadRecord.Load], ready: Int, elapsed: Duration) -> LoadSample {
        guard let busiest = loads.max(by: { $0.arrivals < $1.arrivals }) else {
            self = ArrivalCounter()
            return LoadSample(ongoing: 0, queued: 0, replicas: ready)
        }
        ongoing += loads.reduce(0) { $0 + $1.ongoing }
        arrivals += loads.reduce(0) { $0 + $1.arrivals } * elapsed.seconds
        refused += loads.reduce(0) { $0 + $1.refused } * elapsed.seconds
        let queued = loads.reduce(0) { $0 + $1.queued }
        return LoadSample(
            ongoing: max(Self.whole(&ongoing), queued), queued: queued,
            queueWait: loads.map(\.queueWait).max() ?? .zero, arrivals: Self.whole(&arrivals),
            refused: Self.whole(&refused), replicas: ready, requestsPerBatch: busiest.requestsPerBatch,
            runTime: busiest.runTime)
    }

    private static func whole(_ amount: inout Double) -> Int {
        // What a front says may be anything.
        guard amount.isFinite, amount < 1e12 else {
            amount = 0.5
            return 0
        }
        let whole = amount.rounded(.down)
        amount -= whole
        return Int(whole)
    }
}

extension AutoscalingConfiguration {
    /// With delays that outlast what isn't said in a fleet for a while.
    fileprivate var inFleet: Self {
        var fleet = self
        fleet.downscaleDelay = max(downscaleDelay, FleetScaler.shortestDownscaleDelay)
        fleet.downscaleToZeroDelay = max(downscaleToZeroDelay ?? downscaleDelay, FleetScaler.shortestDownscaleDelay)
        return fleet
    }
}

extension FleetState {
    /// All CPUs of nodes that take replicas.
    fileprivate var workerCPUs: Int { max(takers.reduce(0) { $0 + $1.capacity.cpus } / 1000, 1) }

    /// How many replicas of each group are ready.
    fileprivate var readyCounts: [String: Int] {
        nodes.values.reduce(into: [:]) { counts, node in
            for replica in node.replicas where replica.isReady { counts[replica.group, default: 0] += 1 }
        }
    }
}
