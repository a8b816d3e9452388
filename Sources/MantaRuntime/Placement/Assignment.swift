/// A replica that a node is to host.
package struct Assignment: Sendable, Hashable, Identifiable {
    /// Its number among all replicas that ever were: one that replaces another has a number of its own.
    package let id: Int
    /// What it belongs to.
    package let group: String
    /// The node that hosts it.
    package let node: String
    /// Whether its node reported it ready. Set by whoever hears it.
    package var isReady: Bool
    /// The replica that this one will replace. That one stays assigned to its draining node until this one is ready.
    package var replaces: Int?

    /// A replica on a node.
    package init(id: Int, group: String, node: String, isReady: Bool = false, replaces: Int? = nil) {
        self.id = id
        self.group = group
        self.node = node
        self.isReady = isReady
        self.replaces = replaces
    }
}

/// Every replica that nodes are to host.
package struct Assignments: Sendable, Hashable {
    /// The replicas, by number.
    package var replicas: [Assignment]
    /// The number of the next new one. Kept with the replicas, so that none is used twice.
    package var nextID: Int

    /// None, or these.
    package init(_ replicas: [Assignment] = [], nextID: Int = 1) {
        self.replicas = replicas
        self.nextID = nextID
    }
}

/// Replicas that are wanted and have no place.
package struct Pending: Sendable, Hashable {
    /// What they belong to.
    package let group: String
    /// How many there are.
    package let count: Int
    /// Whether they would replace others, which serve on a node that is to be left. Nothing is missing then.
    package let isReplacement: Bool
    /// What they lack: `needs 2 cpus; node a has 1 free, node b 0`. Bounded in length, however many nodes there are.
    package let reason: String

    /// Replicas that have no place.
    package init(group: String, count: Int, isReplacement: Bool, reason: String) {
        self.group = group
        self.count = count
        self.isReplacement = isReplacement
        self.reason = reason
    }
}
