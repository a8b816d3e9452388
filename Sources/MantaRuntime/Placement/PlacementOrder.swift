/// A node for one more replica of a group. The least is the best.
struct Candidate: Comparable {
    /// How many of the preferred labels it lacks.
    let missingLabels: Int
    /// Replicas of the group on it.
    let replicas: Int32
    let fullness: Double
    let node: Int

    static func < (left: Candidate, right: Candidate) -> Bool {
        if left.missingLabels != right.missingLabels { return left.missingLabels < right.missingLabels }
        if left.replicas != right.replicas { return left.replicas < right.replicas }
        return left.fullness != right.fullness ? left.fullness < right.fullness : left.node < right.node
    }
}

/// How well a replica can be done without. The greatest goes first.
struct Dispensability: Comparable {
    let isLeaving: Bool
    let isUnready: Bool
    /// How many of the preferred labels its node lacks.
    let missingLabels: Int
    /// Replicas of the group on its node.
    let replicas: Int32
    let fullness: Double
    let id: Int

    static func < (left: Dispensability, right: Dispensability) -> Bool {
        // What doesn't serve yet goes before what leaves: that may be all that serves.
        if left.isUnready != right.isUnready { return right.isUnready }
        if left.isLeaving != right.isLeaving { return right.isLeaving }
        return (left.missingLabels, left.replicas, left.fullness, left.id)
            < (right.missingLabels, right.replicas, right.fullness, right.id)
    }
}

/// A group's turn to get one more replica. The least comes first.
struct Turn: Comparable {
    /// What is missing comes before what is only to move.
    let isReplacement: Bool
    /// How many it has got already.
    let level: Int
    /// Large replicas come before small ones, which find room more easily.
    let size: Double
    let group: Int

    static func < (left: Turn, right: Turn) -> Bool {
        if left.isReplacement != right.isReplacement { return right.isReplacement }
        return (left.level, right.size, left.group) < (right.level, left.size, right.group)
    }
}

/// The labels that a group asks for.
struct Labels: Hashable {
    let required: [String: String]
    let preferred: [String: String]

    /// How many of the preferred labels a node lacks; `nil` if it lacks a required one.
    func missing(on node: Node) -> Int? {
        guard required.allSatisfy({ node.labels[$0.key] == $0.value }) else { return nil }
        return preferred.count { node.labels[$0.key] != $0.value }
    }
}
