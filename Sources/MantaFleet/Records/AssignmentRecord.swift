import MantaRuntime

/// What one worker is to host.
package struct AssignmentRecord: Codable, Sendable, Equatable {
    /// A replica.
    package struct Replica: Codable, Sendable, Equatable {
        package var id: Int
        package var group: String
        /// The replica in whose place it comes.
        package var replaces: Int?
    }

    /// The term of the leader who said so: what an earlier one says after it doesn't count.
    package var term: Int64
    package var replicas: [Replica]
    /// What those are replicas of.
    package var groups: [GroupRecord]
    /// Who had which of their objects when this was written, some of those: addresses of nodes, by SHA-256. So workers needn't
    /// ask for all nodes. `nil` if nothing is known.
    package var holders: [String: [String]]?

    /// Whether it says the same, whoever does, and whoever has the objects.
    func saysSame(as other: AssignmentRecord) -> Bool {
        replicas == other.replicas && groups == other.groups
    }
}
