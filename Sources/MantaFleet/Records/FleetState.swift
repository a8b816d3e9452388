import FoundationEssentials
package import MantaStore

/// What the store says of the fleet.
package struct FleetState: Sendable, Equatable {
    /// Keys, and what they begin with.
    package enum Key {
        package static let leader = "fleet/leader"
        package static let nodes = "fleet/nodes/"
        package static let deployments = "fleet/deployments/"
        package static let assignments = "fleet/assignments/"
        /// The number of the next replica.
        static let nextReplica = "fleet/next-replica"
        /// What all of them begin with.
        static let all = "fleet/"
    }

    /// What all its keys begin with.
    package static let prefix = Key.all

    package var nodes: [String: NodeRecord] = [:]
    package var deployments: [String: DeploymentRecord] = [:]
    package var assignments: [String: AssignmentRecord] = [:]
    var nextReplica = 1
    /// Keys whose values can't be read: a newer version wrote them.
    var unreadable: [String] = []

    /// Nothing yet.
    init() {}

    /// What entries say.
    package init(_ entries: [Entry]) {
        for entry in entries {
            if let name = entry.key.suffix(after: Key.nodes) {
                nodes[name] = read(entry)
            } else if let name = entry.key.suffix(after: Key.deployments) {
                deployments[name] = read(entry)
            } else if let name = entry.key.suffix(after: Key.assignments) {
                assignments[name] = read(entry)
            } else if entry.key == Key.nextReplica {
                nextReplica = read(entry) ?? nextReplica
            }
        }
    }

    /// The objects of all that is served or to be served, by their SHA-256.
    var objects: Set<String> { Set(deployments.values.flatMap(\.groups).flatMap(\.files).map(\.object)) }

    private mutating func read<Record: Decodable>(_ entry: Entry) -> Record? {
        let record = try? JSONDecoder().decode(Record.self, from: Data(entry.value))
        if record == nil { unreadable.append(entry.key) }
        return record
    }
}

extension String {
    func suffix(after prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}

extension Encodable {
    /// As it is kept in the store.
    var stored: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Records have nothing that JSON hasn't.
        return (try? encoder.encode(self)).map(Array.init) ?? []
    }
}
