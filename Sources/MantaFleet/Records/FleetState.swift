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
    /// When each key was written last.
    var revisions: [String: Int64] = [:]
    /// Keys whose values can't be read: a newer version wrote them.
    var unreadable: [String] = []

    /// Nothing yet.
    init() {}

    /// What entries say.
    package init(_ entries: [Entry]) {
        for entry in entries { add(Record(entry), of: entry) }
    }

    /// What one entry says.
    enum Record: Sendable {
        case node(String, NodeRecord)
        case deployment(String, DeploymentRecord)
        case assignment(String, AssignmentRecord)
        case nextReplica(Int)
        /// Nothing of the fleet.
        case other
        case unreadable

        init(_ entry: Entry) {
            func read<Value: Decodable>(_ record: (Value) -> Record) -> Record {
                (try? JSONDecoder().decode(Value.self, from: Data(entry.value))).map(record) ?? .unreadable
            }
            if let name = entry.key.suffix(after: Key.nodes) {
                self = read { .node(name, $0) }
            } else if let name = entry.key.suffix(after: Key.deployments) {
                self = read { .deployment(name, $0) }
            } else if let name = entry.key.suffix(after: Key.assignments) {
                self = read { .assignment(name, $0) }
            } else {
                self = entry.key == Key.nextReplica ? read { .nextReplica($0) } : .other
            }
        }
    }

    /// Takes in what an entry says.
    mutating func add(_ record: Record, of entry: Entry) {
        revisions[entry.key] = entry.modified
        switch record {
        case .node(let name, let node): nodes[name] = node
        case .deployment(let name, let deployment): deployments[name] = deployment
        case .assignment(let name, let assignment): assignments[name] = assignment
        case .nextReplica(let number): nextReplica = number
        case .unreadable: unreadable.append(entry.key)
        case .other: break
        }
    }

    /// The nodes that take replicas.
    var takers: [NodeRecord] { nodes.values.filter { $0.isHost && !$0.isDraining } }

    /// The objects of all that is served or to be served, by their SHA-256.
    var objects: Set<String> { Set(deployments.values.flatMap(\.groups).flatMap(\.files).map(\.object)) }

    /// The groups that fronts have found unfit, and which of those and why.
    var rejected: [String: String] {
        var rejected: [String: String] = [:]
        for node in nodes.values.sorted(by: { $0.id < $1.id }) {
            for (group, reason) in node.rejected ?? [:] { rejected[group] = "\(node.id): \(reason)" }
        }
        return rejected
    }

    /// The addresses of the nodes that have objects, by the SHA-256 of those.
    var holders: [String: [String]] {
        var holders: [String: [String]] = [:]
        for node in nodes.values.sorted(by: { $0.id < $1.id }) {
            for object in node.objects { holders[object, default: []].append(node.address) }
        }
        return holders
    }
}

extension String {
    /// What follows a prefix; `nil` if it doesn't begin with that.
    package func suffix(after prefix: String) -> String? {
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
