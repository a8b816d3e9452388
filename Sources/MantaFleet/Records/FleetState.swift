import FoundationEssentials
import MantaStore

/// What the store says of the fleet.
package struct FleetState: Sendable, Equatable {
    /// Keys, and what they begin with.
    enum Key {
        static let leader = "fleet/leader"
        static let nodes = "fleet/nodes/"
        static let deployments = "fleet/deployments/"
        static let assignments = "fleet/assignments/"
        /// The number of the next replica.
        static let nextReplica = "fleet/next-replica"
        /// What all of them begin with.
        static let all = "fleet/"
    }

    /// What all its keys begin with.
    package static let prefix = Key.all

    package var nodes: [String: NodeRecord] = [:]
    package var deployments: [String: DeploymentRecord] = [:]
    var assignments: [String: AssignmentRecord] = [:]
    var nextReplica = 1

    /// Nothing yet.
    init() {}

    /// What entries say. One that can't be read counts as absent: it is of a newer version, which will write it again.
    init(_ entries: [Entry]) {
        let decoder = JSONDecoder()
        for entry in entries {
            let data = Data(entry.value)
            if let name = entry.key.suffix(after: Key.nodes) {
                nodes[name] = try? decoder.decode(NodeRecord.self, from: data)
            } else if let name = entry.key.suffix(after: Key.deployments) {
                deployments[name] = try? decoder.decode(DeploymentRecord.self, from: data)
            } else if let name = entry.key.suffix(after: Key.assignments) {
                assignments[name] = try? decoder.decode(AssignmentRecord.self, from: data)
            } else if entry.key == Key.nextReplica {
                nextReplica = (try? decoder.decode(Int.self, from: data)) ?? 1
            }
        }
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
