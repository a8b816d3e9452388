package import MantaServing
package import MantaStore
package import MantaTime

/// Serves what the fleet has: keeps the deployments of a front what the store says of them.
package final class FleetFront: Sendable {
    /// How long a node whose lease has ended is still asked: its lease may be lost while it serves.
    private static let memory = Duration.seconds(60)

    private let mirror: StoreMirror
    private let catalog: ModelCatalog
    private let time: any TimeSource

    package init(mirror: StoreMirror, catalog: ModelCatalog, time: any TimeSource = MachineTime()) {
        (self.mirror, self.catalog, self.time) = (mirror, catalog, time)
    }

    /// What is known of the fleet; `nil` while nothing is.
    package var state: FleetState? { mirror.contents.snapshot.map { FleetState($0.entries) } }

    /// Follows the store until the task is cancelled.
    package func run() async {
        var last: [String: NodeRecord] = [:]
        var gone: [String: (record: NodeRecord, at: Instant)] = [:]
        for await contents in mirror.updates {
            guard let snapshot = contents.snapshot else { continue }
            let state = FleetState(snapshot.entries)
            let now = time.now
            for (id, record) in last where state.nodes[id] == nil { gone[id] = (record, now) }
            last = state.nodes
            // One whose replicas were taken from it isn't asked any more.
            gone = gone.filter { id, entry in
                state.nodes[id] == nil && state.assignments[id] != nil && now - entry.at < Self.memory
            }
            catalog.apply(state.wanted(remembered: gone.mapValues(\.record)))
        }
    }
}
