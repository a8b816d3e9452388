package import MantaServing
package import MantaStore
package import MantaTime

/// Serves what the fleet has: keeps the deployments of a front what the store says of them.
package final class FleetFront: Sendable {
    /// After a change more changes are waited for, so that they are taken together.
    private static let pause = Duration.milliseconds(20)

    private let mirror: StoreMirror
    private let catalog: ModelCatalog
    private let time: any TimeSource

    package init(mirror: StoreMirror, catalog: ModelCatalog, time: any TimeSource = MachineTime()) {
        (self.mirror, self.catalog, self.time) = (mirror, catalog, time)
    }

    /// What is known of the fleet.
    ///
    /// - Parameters:
    ///   - node: The id of this node.
    ///   - leader: The id of the one that leads.
    /// - Returns: That and what the store said last.
    package func view(node: String, leader: String?) -> FleetView {
        let contents = mirror.contents
        return FleetView(
            node: node, leader: leader, staleSince: contents.staleSince,
            state: FleetState(contents.snapshot?.entries ?? []))
    }

    /// Follows the store until the task is cancelled.
    package func run() async {
        var last: [String: NodeRecord] = [:]
        // Nodes whose lease has ended: they may serve all the same, for as long as replicas are assigned to them.
        var gone: [String: NodeRecord] = [:]
        var reader = FleetReader()
        var wishes = FleetWishes()
        for await contents in mirror.updates {
            guard let snapshot = contents.snapshot else { continue }
            let state = reader.state(of: snapshot.entries)
            for (id, record) in last where state.nodes[id] == nil { gone[id] = record }
            last = state.nodes
            gone = gone.filter { id, _ in state.nodes[id] == nil && state.assignments[id] != nil }
            catalog.apply(wishes.wanted(of: state, remembered: gone))
            try? await time.sleep(until: time.now + Self.pause)
        }
    }
}
