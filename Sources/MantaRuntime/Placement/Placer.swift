import HeapModule

/// A placement while it is made. Its steps run once each, in the order in which they stand here.
struct Placer {
    private var ledger: NodeLedger
    /// By name.
    private var groups: [PlacementGroup]
    private var nextID: Int
    /// Whether more serve on a node than it has room for.
    private(set) var isOverfull = false

    init(_ demands: [Demand], nodes: [Node], nextID: Int) {
        let ledger = NodeLedger(nodes, demands: demands)
        let byGroup = Dictionary(demands.map { ($0.group, $0) }, uniquingKeysWith: { first, _ in first })
        var suitability: [Labels: [Int?]] = [:]
        groups = byGroup.values.sorted { $0.group < $1.group }.map { demand in
            let labels = Labels(required: demand.required, preferred: demand.preferred)
            let known = suitability[labels] ?? ledger.nodes.map(labels.missing)
            suitability[labels] = known
            return PlacementGroup(demand, need: ledger.row(demand.resources), missingLabels: known)
        }
        self.ledger = ledger
        self.nextID = nextID
    }

    /// What is placed.
    var assignments: Assignments {
        let replicas = groups.flatMap { $0.replicas.values.map(\.assignment) }
        return Assignments(replicas.sorted { $0.id < $1.id }, nextID: nextID)
    }

    // MARK: - Steps

    /// Keeps those whose node is there, the oldest first; those that it has no room for only while they serve.
    mutating func keep(_ replicas: [Assignment]) {
        let indices = Dictionary(uniqueKeysWithValues: groups.indices.map { (groups[$0].demand.group, $0) })
        var seen: Set<Int> = []
        var excess: [(replica: Assignment, group: Int, node: Int)] = []
        for replica in replicas.sorted(by: { $0.id < $1.id }) where seen.insert(replica.id).inserted {
            nextID = max(nextID, replica.id.adding(1))
            guard let group = indices[replica.group], let node = ledger.index(of: replica.node),
                ledger.nodes[node].state != .gone
            else { continue }
            let isLeaving = ledger.nodes[node].state == .draining || groups[group].missingLabels[node] == nil
            // One that doesn't serve yet is better started where it can stay.
            guard replica.isReady || !isLeaving else { continue }
            if ledger.fits(groups[group].need, on: node) {
                add(replica, to: group, on: node, isLeaving: isLeaving)
            } else if replica.isReady {
                excess.append((replica, group, node))
            }
        }
        // Needs that are raised, or a node that shrank, take nothing away that serves.
        for (replica, group, node) in excess { add(replica, to: group, on: node, isLeaving: true) }
        isOverfull = !excess.isEmpty
    }

    /// Lets those go whose replacements are ready, and makes replicas of those that have nothing to replace any more.
    mutating func endReplacements() {
        for group in groups.indices {
            let replacing = groups[group].replicas.values.map(\.assignment).filter { $0.replaces != nil }
            for replica in replacing.sorted(by: { $0.id < $1.id }) {
                guard let replaced = replica.replaces, groups[group].replicas[replaced]?.isLeaving == true,
                    groups[group].replacements[replaced] == nil
                else {
                    groups[group].endReplacement(replica.id)
                    continue
                }
                if replica.isReady {
                    groups[group].endReplacement(replica.id)
                    remove(replaced, of: group)
                } else {
                    groups[group].replace(replaced, by: replica.id)
                }
            }
        }
    }

    /// Takes away what is too many.
    ///
    /// Nodes only get emptier by it. So no replica has to be looked at again before it comes to the top.
    mutating func scaleIn() {
        for group in groups.indices where groups[group].surplus > 0 {
            let replaceable = groups[group].replicas.values.filter { $0.assignment.replaces == nil }
            var victims = Heap(replaceable.map { dispensability($0, of: group) })
            while groups[group].surplus > 0, let top = victims.max {
                guard let held = groups[group].replicas[top.id] else { break }
                let now = dispensability(held, of: group)
                guard now == top else {
                    victims.replaceMax(with: now)
                    continue
                }
                victims.removeMax()
                if let replacement = groups[group].replacements[top.id] { remove(replacement, of: group) }
                remove(top.id, of: group)
            }
        }
    }

    /// Places what is missing, one replica of each group in turn, then replacements of what leaves.
    ///
    /// - Returns: What has no place.
    mutating func placeMissing() -> [Pending] {
        // The newest first: the oldest is taken from the end.
        var unreplaced = groups.map { Array($0.unreplaced.reversed()) }
        var turns = Heap(groups.indices.filter { groups[$0].missing > 0 }.map { turn(of: $0) })
        turns.insert(contentsOf: groups.indices.filter { !unreplaced[$0].isEmpty }.map { turn(of: $0, replaced: 0) })
        var unplaced: [(turn: Turn, count: Int)] = []
        while let turn = turns.popMin() {
            let group = turn.group
            let count = turn.isReplacement ? unreplaced[group].count : groups[group].missing
            guard let node = bestNode(for: group) else {
                unplaced.append((turn, count))
                continue
            }
            place(turn.isReplacement ? unreplaced[group].popLast() : nil, of: group, on: node)
            if count > 1 {
                turns.insert(self.turn(of: group, replaced: turn.isReplacement ? turn.level + 1 : nil))
            }
        }
        // Only now is known what each node has left.
        return unplaced.sorted { ($0.turn.group, $0.turn) < ($1.turn.group, $1.turn) }.map { turn, count in
            let group = groups[turn.group]
            let reason = PendingReason.text(for: group, in: ledger)
            return Pending(
                group: group.demand.group, count: count, isReplacement: turn.isReplacement, reason: reason)
        }
    }

    // MARK: - Choices

    /// The turn to get a replica that is missing, or one more replacement after so many.
    private func turn(of group: Int, replaced: Int? = nil) -> Turn {
        Turn(
            isReplacement: replaced != nil, level: replaced ?? groups[group].positions,
            size: ledger.size(groups[group].need), group: group)
    }

    /// The best node for one more replica, or `nil` if none can take it.
    ///
    /// Looks at every node. With a heap of them for each group, whatever the others place would have to be looked at
    /// again in each: that took ten times as long where many groups get a few replicas each.
    private func bestNode(for group: Int) -> Int? {
        let group = groups[group]
        var best: Candidate?
        for node in ledger.nodes.indices {
            guard let missing = group.missingLabels[node], ledger.takesReplicas[node],
                ledger.fits(group.need, on: node)
            else { continue }
            let candidate = Candidate(
                missingLabels: missing, replicas: group.counts[node], fullness: ledger.fullness[node], node: node)
            if best.map({ candidate < $0 }) ?? true { best = candidate }
        }
        return best?.node
    }

    private func dispensability(_ held: PlacementGroup.Replica, of group: Int) -> Dispensability {
        Dispensability(
            isLeaving: held.isLeaving, isUnready: !held.assignment.isReady,
            missingLabels: groups[group].missingLabels[held.node] ?? 0,
            replicas: groups[group].counts[held.node], fullness: ledger.fullness[held.node],
            id: held.assignment.id)
    }

    // MARK: - Changes

    private mutating func place(_ replaced: Int?, of group: Int, on node: Int) {
        let replica = Assignment(
            id: nextID, group: groups[group].demand.group, node: ledger.nodes[node].id, replaces: replaced)
        if let replaced { groups[group].replace(replaced, by: nextID) }
        nextID = nextID.adding(1)
        add(replica, to: group, on: node, isLeaving: false)
    }

    private mutating func add(_ replica: Assignment, to group: Int, on node: Int, isLeaving: Bool) {
        ledger.take(groups[group].need, on: node)
        groups[group].add(replica, on: node, isLeaving: isLeaving)
    }

    private mutating func remove(_ id: Int, of group: Int) {
        guard let node = groups[group].remove(id) else { return }
        ledger.give(groups[group].need, on: node)
    }
}
