import MantaFleet
import MantaStore
import MantaTime

/// What is written to the store, against what must hold of it. A value.
struct StoreAudit {
    /// What a node's record said a moment ago, a leader may not have seen otherwise yet.
    private static let notice = Duration.seconds(5)

    private(set) var nodes: [String: NodeRecord] = [:]
    private(set) var deployments: [String: DeploymentRecord] = [:]
    private(set) var assignments: [String: AssignmentRecord] = [:]
    /// How many replicas deployments were to have, and since when.
    private var counts: [String: [(since: Instant, count: Int)]] = [:]
    /// When a record said last that a replica is ready. Those of nodes whose lease has ended stay: nobody knows better.
    private var lastReady: [Int: Instant] = [:]
    private var readyNow: Set<Int> = []
    private var replicasOf: [String: Set<Int>] = [:]
    private var term: Int64 = 0
    /// How many replicas of a group a node was to host, one after the other.
    private var told: [String: [String: [Int]]] = [:]
    /// How far in that it is.
    private var heard: [String: [String: Int]] = [:]
    /// How many it does.
    private var hosted: [String: [String: Int]] = [:]

    typealias Finding = (rule: String, what: String)

    mutating func wrote(_ commit: Commit, at now: Instant) -> [Finding] {
        let before = (assignments: assignments, deployments: deployments)
        var findings: [Finding] = []
        for change in commit.changes {
            switch change {
            case .put(let entry): findings += put(entry, at: now)
            case .deleted(let key): delete(key)
            }
        }
        guard commit.changes.contains(where: { $0.key.hasPrefix(FleetState.Key.assignments) }) else { return findings }
        return findings + duplicates() + lostCapacity(since: before, at: now)
    }

    private mutating func put(_ entry: Entry, at now: Instant) -> [Finding] {
        let state = FleetState([entry])
        if let (name, node) = state.nodes.first {
            nodes[name] = node
            note(node, at: now)
        }
        if let (name, deployment) = state.deployments.first {
            deployments[name] = deployment
            counts[name, default: []].append((now, deployment.replicas ?? .max))
        }
        guard let (name, assignment) = state.assignments.first else { return [] }
        let old = Dictionary(grouping: assignments[name]?.replicas ?? [], by: \.group)
        assignments[name] = assignment
        let counts = Dictionary(grouping: assignment.replicas, by: \.group).mapValues(\.count)
        for group in Set(old.keys).union(counts.keys) {
            told[name, default: [:]][group, default: []].append(counts[group] ?? 0)
        }
        defer { term = max(term, assignment.term) }
        return assignment.term < term
            ? [("only one leads", "\(name) is assigned by term \(assignment.term), after \(term)")] : []
    }

    /// The fewest replicas that a deployment was to have since then.
    func fewestReplicas(of deployment: String, since start: Instant) -> Int {
        replicas(of: deployment, since: start).min() ?? .max
    }

    /// All counts that were wanted.
    func replicas(of deployment: String, since start: Instant) -> [Int] {
        let known = counts[deployment] ?? []
        let first = known.lastIndex { $0.since <= start } ?? known.startIndex
        return known[first...].map(\.count)
    }

    private mutating func delete(_ key: String) {
        if let name = key.suffix(after: FleetState.Key.nodes) { nodes[name] = nil }
        if let name = key.suffix(after: FleetState.Key.deployments) { deployments[name] = nil }
        if let name = key.suffix(after: FleetState.Key.assignments) {
            for replica in assignments[name]?.replicas ?? [] {
                told[name, default: [:]][replica.group, default: []].append(0)
            }
            assignments[name] = nil
        }
    }

    private mutating func note(_ node: NodeRecord, at now: Instant) {
        let ready = Set(node.replicas.filter(\.isReady).map(\.id))
        for id in replicasOf[node.id] ?? [] where readyNow.contains(id) && !ready.contains(id) {
            readyNow.remove(id)
            lastReady[id] = now
        }
        readyNow.formUnion(ready)
        replicasOf[node.id] = ready
    }

    private func isReady(_ id: Int, at now: Instant) -> Bool {
        readyNow.contains(id) || lastReady[id].map { now - $0 < Self.notice } ?? false
    }

    private func duplicates() -> [Finding] {
        var places: [Int: String] = [:]
        var findings: [Finding] = []
        for (node, record) in assignments.sorted(by: { $0.key < $1.key }) {
            for replica in record.replicas {
                if let other = places.updateValue(node, forKey: replica.id) {
                    findings.append(
                        ("one assignment, one node", "replica \(replica.id) is assigned to \(other) and \(node)"))
                }
            }
        }
        return findings
    }

    /// Deployments that a decision took replicas from which are ready, so that fewer are left than promised.
    private func lostCapacity(
        since before: (assignments: [String: AssignmentRecord], deployments: [String: DeploymentRecord]),
        at now: Instant
    ) -> [Finding] {
        func ready(_ assignments: [String: AssignmentRecord]) -> [String: Int] {
            let replicas = assignments.values.flatMap(\.replicas).filter { isReady($0.id, at: now) }
            // One that is there in place of another is none more than promised.
            let ids = Set(replicas.map(\.id))
            let counted = replicas.filter { $0.replaces.map { !ids.contains($0) } ?? true }
            return Dictionary(grouping: counted, by: \.group).mapValues(\.count)
        }
        let (old, new) = (ready(before.assignments), ready(assignments))
        return deployments.values.sorted { $0.name < $1.name }.compactMap { deployment in
            guard let earlier = before.deployments[deployment.name], let count = deployment.replicas else { return nil }
            // What has taken over serves, with as many replicas as were wanted when it did.
            let hasTakenOver = earlier.takeover != nil || deployment.takeover != nil
            let groups = Set(
                (hasTakenOver ? earlier.versions + deployment.versions : earlier.groups + deployment.groups)
                    .map(\.name))
            let had = groups.map { old[$0] ?? 0 }.max() ?? 0
            let has = groups.map { new[$0] ?? 0 }.max() ?? 0
            guard has < min(had, count) else { return nil }
            return (
                "capacity as promised",
                "\(deployment.name) had \(had) replicas ready and is left with \(has), of \(count): "
                    + "\(text(before.assignments, groups, at: now)) became \(text(assignments, groups, at: now))"
            )
        }
    }

    /// The replicas of groups, where they are, and which are ready.
    private func text(_ assignments: [String: AssignmentRecord], _ groups: Set<String>, at now: Instant) -> String {
        assignments.sorted { $0.key < $1.key }.flatMap { node, record in
            record.replicas.filter { groups.contains($0.group) }.map { replica in
                "\(replica.id) at \(node)\(isReady(replica.id, at: now) ? "" : " (not ready)")"
                    + (replica.replaces.map { " for \($0)" } ?? "")
            }
        }.joined(separator: ", ")
    }

    // MARK: - Nodes

    /// A node hosts these from now on. Returns what it hosts fewer of though no leader said so.
    mutating func hosts(_ replicas: [String: Int], on node: String) -> [String] {
        let old = hosted[node] ?? [:]
        hosted[node] = replicas
        return Set(old.keys).union(replicas.keys).sorted().compactMap { group in
            let (had, has) = (old[group] ?? 0, replicas[group] ?? 0)
            guard has != had else { return nil }
            // It follows what it was told, late maybe and leaving out some of it, but in that order.
            let said = told[node]?[group] ?? []
            let place = heard[node]?[group] ?? 0
            let next = said.indices.dropFirst(place).first { has < had ? said[$0] <= has : said[$0] >= has }
            heard[node, default: [:]][group] = next ?? place
            guard next == nil, has < had else { return nil }
            return "\(node) hosts \(has) of \(group), not \(had) any more"
        }
    }

    /// It was killed.
    mutating func gone(_ node: String) { hosted[node] = nil }
}
