import MantaRuntime

/// What one worker is to host.
package struct AssignmentRecord: Codable, Sendable, Equatable {
    /// A replica.
    struct Replica: Codable, Sendable, Equatable {
        var id: Int
        var group: String
        /// The replica in whose place it comes.
        var replaces: Int?
    }

    /// The term of the leader who said so: what an earlier one says after it doesn't count.
    var term: Int64
    var replicas: [Replica]
    /// What those are replicas of.
    var groups: [GroupRecord]

    /// Whether it says the same, whoever does.
    func saysSame(as other: AssignmentRecord) -> Bool {
        replicas == other.replicas && groups == other.groups
    }
}
