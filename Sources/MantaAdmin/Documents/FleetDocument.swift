import MantaFleet

/// The fleet that the process is a front of, as it knows it.
struct FleetDocument: Encodable {
    struct Node: Encodable {
        struct Group: Encodable {
            let name: String
            let ready: Int
            let assigned: Int
            @Nullable var reason: String?
        }

        let id: String
        let kind: String
        let address: String
        let state: String
        let cpus: Double
        let labels: [String: String]
        let groups: [Group]
    }

    /// The id of this node.
    let node: String
    @Nullable var leader: String?
    /// Since when the store is silent, if it is.
    @Nullable var storeSilentS: Double?
    let nodes: [Node]

    init(_ view: FleetView, clock: WallClock) {
        node = view.node
        leader = view.leader
        storeSilentS = view.staleSince.map { clock.age(of: $0) }
        nodes = view.state.nodes.values.sorted {
            ($0.kind.rawValue, $0.address, $0.id) < ($1.kind.rawValue, $1.address, $1.id)
        }
        .map(Node.init)
    }
}

extension FleetDocument.Node {
    fileprivate init(_ record: NodeRecord) {
        self.init(
            id: record.id, kind: record.kind.rawValue, address: record.address,
            state: record.isDraining ? "draining" : "ready", cpus: Double(record.capacity.cpus) / 1000,
            labels: record.labels,
            groups: Dictionary(grouping: record.replicas, by: \.group).sorted { $0.key < $1.key }.map {
                name, replicas in
                Group(
                    name: name, ready: replicas.count { $0.isReady }, assigned: replicas.count,
                    reason: replicas.lazy.compactMap(\.reason).first)
            })
    }
}
