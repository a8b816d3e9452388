/// The replicas of one group, while they are placed.
struct PlacementGroup {
    /// A replica, and where it is.
    struct Replica {
        var assignment: Assignment
        let node: Int
        /// Whether it must be replaced elsewhere: its node drains, or no longer has the required labels or
        /// the room.
        let isLeaving: Bool
    }

    let demand: Demand
    /// A row of the ledger.
    let need: [Int]
    /// By node: how many of the preferred labels it lacks; `nil` if it lacks a required one.
    let missingLabels: [Int?]
    /// By number.
    private(set) var replicas: [Int: Replica] = [:]
    /// The numbers of replacements that aren't ready, by the replicas that they will replace.
    private(set) var replacements: [Int: Int] = [:]
    /// Replicas of the group on each node.
    private(set) var counts: [Int32]

    init(_ demand: Demand, need: [Int], missingLabels: [Int?]) {
        (self.demand, self.need, self.missingLabels) = (demand, need, missingLabels)
        counts = Array(repeating: 0, count: missingLabels.count)
    }

    /// How many replicas there are or will be once every replacement is ready.
    var positions: Int { replicas.count - replacements.count }

    /// How many are to be placed beside those.
    var missing: Int { max(0, demand.count - positions) }

    /// How many of those are too many.
    var surplus: Int { max(0, positions - max(0, demand.count)) }

    /// Those that leave and have no replacement, the oldest first.
    var unreplaced: [Int] {
        replicas.values.filter { $0.isLeaving && replacements[$0.assignment.id] == nil }.map(\.assignment.id).sorted()
    }

    mutating func add(_ assignment: Assignment, on node: Int, isLeaving: Bool) {
        replicas[assignment.id] = Replica(assignment: assignment, node: node, isLeaving: isLeaving)
        counts[node] += 1
    }

    /// Takes one away, and what is known of its being replaced.
    ///
    /// - Returns: Where it was.
    mutating func remove(_ id: Int) -> Int? {
        guard let held = replicas.removeValue(forKey: id) else { return nil }
        replacements[id] = nil
        if let replaced = held.assignment.replaces { replacements[replaced] = nil }
        counts[held.node] -= 1
        return held.node
    }

    /// Notes that one will replace another.
    mutating func replace(_ replaced: Int, by id: Int) { replacements[replaced] = id }

    /// Makes one a replica like any other.
    mutating func endReplacement(_ id: Int) { replicas[id]?.assignment.replaces = nil }
}
