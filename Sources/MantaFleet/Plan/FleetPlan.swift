import MantaRuntime
import MantaTime

/// What a leader decides: which groups there are to be, and which worker hosts which replica of them. A front that hosts
/// replicas is a worker here. A value.
///
/// A deployment's groups stay until all that are wanted in their place have their replicas ready, and for a while after:
/// fronts move their requests then. So an update that can't be loaded takes nothing away.
struct FleetPlan: Sendable {
    /// How long the groups before stay once those after them are ready: fronts try them and let them prove themselves.
    static let settleTime = Duration.seconds(15)
    /// Since when the wanted groups of a deployment are ready.
    private var readySince: [String: Instant] = [:]
    /// Workers whose lease has ended and that have replicas, with what they said last. Others are begun in their place at
    /// once; until those are ready they keep what was assigned to them, for they may serve all the same.
    private var absent: [String: NodeRecord] = [:]
    private var lastRecords: [String: NodeRecord] = [:]
    /// Those of them that this leader never saw. They may serve, so nothing is taken from them, but nobody has said that
    /// they do, so no update is over because of them.
    private var unseen: Set<String> = []
    /// How long the last replica of a deployment that is to rest stays: fronts learn first that they are to hand it
    /// nothing more.
    static let farewellTime = Duration.seconds(2)
    /// Since when deployments are to have no replica.
    private var restingSince: [String: Instant] = [:]
    /// Keeps models from ending one worker after the other.
    private var crashes = CrashGuard()

    init() {}

    /// What is to be in the store.
    struct Result: Sendable, Equatable {
        var deployments: [String: DeploymentRecord]
        var assignments: [String: AssignmentRecord]
        var nextReplica: Int
        /// What has no place. It isn't in the store by itself.
        var pending: [Pending] = []
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - wanted: The deployments that the leader's files and operators want. Others stay as they are.
    ///   - ended: The names of those that they wanted before and don't want any more.
    ///   - state: What is in the store.
    ///   - term: The leader's term.
    ///   - now: The present.
    /// - Returns: What is to be there.
    mutating func result(
        wanted: [DeploymentRecord], ended: Set<String> = [], state: FleetState, term: Int64, at now: Instant
    ) -> Result {
        let vanished = lastRecords.filter { state.nodes[$0.key] == nil && absent[$0.key] == nil }
        let nodes = workers(of: state)
        let ready = readyReplicas(of: state)
        notice(vanished, state: state, at: now)
        let rejected = state.rejected
        var deployments: [String: DeploymentRecord] = [:]
        let known = Set(wanted.map(\.name))
        let others = state.deployments.values.filter { !known.contains($0.name) && !ended.contains($0.name) }
        for new in wanted + others {
            deployments[new.name] = next(
                new, after: state.deployments[new.name], nodes: nodes, rejected: rejected, at: now)
        }
        readySince = readySince.filter { deployments[$0.key] != nil }
        let leaving = leavingDeployments(among: deployments, at: now)
        let hosted = leaving.isEmpty ? [] : Set(state.assignments.values.flatMap(\.groups).map(\.name))
        let demands = deployments.values.flatMap { deployment in
            deployment.demands(on: nodes).map { demand in
                var demand = demand
                if leaving.contains(deployment.name), hosted.contains(demand.group) { demand.count = 1 }
                return demand
            }
        }
        let current = Assignments(
            state.assignments.sorted { $0.key < $1.key }.flatMap { node, record in
                record.replicas.map {
                    Assignment(
                        id: $0.id, group: $0.group, node: node, isReady: ready.contains($0.id), replaces: $0.replaces)
                }
            }, nextID: state.nextReplica)
        let placement = Placement(of: demands, on: nodes, current: current)
        let held = verdicts(at: now)
        let replicas =
            held.isEmpty
            ? placement.assignments.replicas
            : permitted(placement.assignments.replicas, by: held, ready: ready, present: state.nodes)
        for (group, reason) in rejected.merging(held.mapValues(\.reason), uniquingKeysWith: { $1 }) {
            for (name, deployment) in deployments where deployment.groups.contains(where: { $0.name == group }) {
                deployments[name]?.pending[group] = reason
            }
        }
        for pending in placement.pending {
            for (name, deployment) in deployments where deployment.groups.contains(where: { $0.name == pending.group })
            {
                let what = pending.count == 1 ? "a replica" : "\(pending.count) replicas"
                // What is to move serves meanwhile.
                let lack = "\(what) can't be \(pending.isReplacement ? "moved" : "placed"): \(pending.reason)"
                let others = deployments[name]?.pending[pending.group].map { $0 + "; " } ?? ""
                deployments[name]?.pending[pending.group] = others + lack
            }
        }
        let groups = Dictionary(
            deployments.values.flatMap(\.groups).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        // A worker that is to host nothing is told so: from silence it concludes nothing.
        let idle = AssignmentRecord(term: term, replicas: [], groups: [])
        var assignments = Dictionary(uniqueKeysWithValues: nodes.filter { absent[$0.id] == nil }.map { ($0.id, idle) })
        for (node, replicas) in Dictionary(grouping: replicas, by: \.node) {
            let names = Set(replicas.map(\.group)).sorted()
            assignments[node] = AssignmentRecord(
                term: term, replicas: replicas.map { .init(id: $0.id, group: $0.group, replaces: $0.replaces) },
                groups: names.compactMap { groups[$0] })
        }
        // Numbers that were given to what isn't permitted are given again, so that nothing is written for it.
        let next =
            held.isEmpty
            ? placement.assignments.nextID
            : max(state.nextReplica, (replicas.map(\.id).max() ?? 0) + 1)
        return Result(
            deployments: deployments, assignments: assignments, nextReplica: next, pending: placement.pending)
    }

    // MARK: - Crashes

    /// Counts workers that are gone as crashes of what they were loading.
    private mutating func notice(_ vanished: [String: NodeRecord], state: FleetState, at now: Instant) {
        guard !crashes.suspects.isEmpty || !vanished.isEmpty else { return }
        var ready: [String: Set<Int>] = [:]
        for replica in state.nodes.values.flatMap(\.replicas) where replica.isReady {
            ready[replica.group, default: []].insert(replica.id)
        }
        crashes.present(state.nodes.keys)
        crashes.ready(ready)
        for (name, record) in vanished.sorted(by: { $0.key < $1.key }) where !record.isDraining {
            let assigned = Set((state.assignments[name]?.replicas ?? []).map(\.group))
            let sound = Set(record.replicas.filter(\.isReady).map(\.group))
            crashes.vanished(name, loading: assigned.subtracting(sound), ready: ready, at: now)
        }
    }

    private mutating func verdicts(at now: Instant) -> [String: CrashGuard.Verdict] {
        var verdicts: [String: CrashGuard.Verdict] = [:]
        for group in crashes.suspects { verdicts[group] = crashes.verdict(on: group, at: now) }
        return verdicts
    }

    /// The replicas that may be: of a group that is suspected those that are ready, and maybe one that begins.
    private func permitted(
        _ replicas: [Assignment], by held: [String: CrashGuard.Verdict], ready: Set<Int>,
        present: [String: NodeRecord]
    ) -> [Assignment] {
        var left = held.mapValues(\.starting)
        return replicas.sorted { $0.id < $1.id }.filter { replica in
            guard let allowance = left[replica.group], !ready.contains(replica.id) else { return true }
            guard allowance > 0, present[replica.node] != nil else { return false }
            left[replica.group] = allowance - 1
            return true
        }
    }

    // MARK: - Parts

    private mutating func next(
        _ wanted: DeploymentRecord, after old: DeploymentRecord?, nodes: [Node], rejected: [String: String],
        at now: Instant
    ) -> DeploymentRecord {
        var next = wanted
        (next.pending, next.takeover) = ([:], nil)
        if let fault = wanted.fault, wanted.versions.isEmpty, let old {
            // What can't be read now was right before.
            next = old
            (next.fault, next.pending, next.takeover) = (fault, [:], nil)
            if old.scaling != nil, wanted.scaling != nil {
                (next.replicas, next.scaling) = (wanted.replicas, wanted.scaling)
            }
        }
        let names = Set(next.versions.map(\.name))
        next.kept = (old?.groups ?? []).filter { !names.contains($0.name) }
        guard !next.kept.isEmpty else {
            readySince[next.name] = nil
            return next
        }
        // What can't be served isn't waited for, but takes nothing away either.
        let isSame = old.map { Set($0.versions.map(\.name)) == names } ?? false
        let full = next.replicas(on: nodes)
        let takeover = isSame && next.scaling != nil ? old?.takeover : nil
        let count = min(full, takeover ?? full)
        // Of none that are ready nobody knows whether they can be: what rests keeps what served before it.
        let isReady =
            next.fault == nil && !next.versions.isEmpty && (count > 0 || next.scaling == nil || takeover != nil)
            && next.versions.allSatisfy { (readyCounts[$0.name] ?? 0) >= count && rejected[$0.name] == nil }
        if isReady, next.scaling != nil {
            next.takeover = count > 0 ? count : takeover
        } else if next.kept.allSatisfy({ readyCounts[$0.name] ?? 0 == 0 }) {
            // There is nothing to go back to.
            next.takeover = takeover
        }
        guard isReady else {
            readySince[next.name] = nil
            return next
        }
        let since = isSame ? readySince[next.name] ?? now : now
        readySince[next.name] = since
        if now - since >= Self.settleTime {
            next.kept = []
            next.takeover = nil
            readySince[next.name] = nil
        }
        return next
    }

    /// Those that are to have no replica, for so short a time that some may be needed yet.
    private mutating func leavingDeployments(
        among deployments: [String: DeploymentRecord], at now: Instant
    ) -> Set<String> {
        let resting = deployments.filter { $0.value.scaling != nil && $0.value.replicas == 0 }.keys
        restingSince = Dictionary(uniqueKeysWithValues: resting.map { ($0, restingSince[$0] ?? now) })
        return Set(restingSince.filter { now - $0.value < Self.farewellTime }.keys)
    }

    /// Replicas that are ready, by group.
    private var readyCounts: [String: Int] = [:]

    private mutating func readyReplicas(of state: FleetState) -> Set<Int> {
        // Those of a worker that is absent serve, as far as anybody knows.
        let records = Array(state.nodes.values) + absent.values.filter { !unseen.contains($0.id) }
        let replicas = records.flatMap(\.replicas).filter(\.isReady)
        readyCounts = Dictionary(replicas.map { ($0.group, 1) }, uniquingKeysWith: +)
        let others = unseen.compactMap { absent[$0] }.flatMap(\.replicas).filter(\.isReady)
        return Set((replicas + others).map(\.id))
    }

    /// The workers that there are, and those that were until a moment ago.
    private mutating func workers(of state: FleetState) -> [Node] {
        let present = state.nodes.filter { $0.value.isHost }
        lastRecords.merge(present) { $1 }
        for name in present.keys { absent[name] = nil }
        for name in state.assignments.keys where present[name] == nil && absent[name] == nil {
            if lastRecords[name] == nil { unseen.insert(name) }
            absent[name] =
                lastRecords[name] ?? .unknown(name, hosting: state.assignments[name]?.replicas ?? [])
        }
        absent = absent.filter { state.assignments[$0.key] != nil }
        unseen = unseen.filter { absent[$0] != nil }
        lastRecords = lastRecords.filter { present[$0.key] != nil || absent[$0.key] != nil }
        return present.values.map { $0.node(isPresent: true) } + absent.values.map { $0.node(isPresent: false) }
    }
}

extension NodeRecord {
    /// A worker that a leader never saw.
    fileprivate static func unknown(_ id: String, hosting replicas: [AssignmentRecord.Replica]) -> NodeRecord {
        // Nothing is placed on it, so that what it has doesn't matter.
        var record = NodeRecord(
            id: id, kind: .worker, capacity: .init(cpus: 1 << 40, memory: nil, gpus: 1 << 40, custom: [:]))
        // One that is still to take another's place wasn't ready when somebody knew it: the other one may be all that is.
        record.replicas = replicas.map { .init(id: $0.id, group: $0.group, isReady: $0.replaces == nil) }
        return record
    }

    fileprivate func node(isPresent: Bool) -> Node {
        Node(
            id: id, address: address, capacity: capacity.resources, labels: labels,
            state: isDraining || !isPresent ? .draining : .ready)
    }
}

extension DeploymentRecord {
    /// What is wanted, and what is kept.
    package var groups: [GroupRecord] { versions + kept }

    fileprivate func replicas(on nodes: [Node]) -> Int {
        replicas(on: nodes.filter { $0.state == .ready }.map(\.labels))
    }

    /// The replicas of all of them, where there are these workers.
    func demands(on nodes: [Node]) -> [Demand] {
        let count = replicas(on: nodes)
        return groups.map { group in
            Demand(
                group: group.name, count: count, resources: needs.resources, required: needs.labels,
                preferred: needs.preferredLabels)
        }
    }
}
