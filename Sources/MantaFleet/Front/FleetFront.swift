package import MantaServing
package import MantaStore
package import MantaTime

/// Serves what the fleet has: keeps the deployments of a front what the store says of them.
package final class FleetFront: Sendable {
    /// After a change more changes are waited for, so that they are taken together.
    private static let pause = Duration.milliseconds(20)

    private let mirror: StoreMirror
    private let catalog: ModelCatalog
    private let registration: NodeRegistration
    private let time: any TimeSource
    /// How often it looks whether an update was found unfit here.
    private static let lookInterval = Duration.milliseconds(250)

    package init(
        mirror: StoreMirror, catalog: ModelCatalog, registration: NodeRegistration,
        time: any TimeSource = MachineTime()
    ) {
        (self.mirror, self.catalog, self.registration, self.time) = (mirror, catalog, registration, time)
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

    /// Follows the store, and tells what is unfit, until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tellRejections() }
            await follow()
            group.cancelAll()
        }
    }

    /// What failed here with requests that what it follows could answer: the leader keeps that, then.
    private func tellRejections() async {
        while (try? await time.sleep(until: time.now + Self.lookInterval)) != nil {
            var rejected: [String: String] = [:]
            for deployment in catalog.all {
                for (version, reason) in deployment.rejected {
                    if let hash = version.hash.text { rejected[hash] = reason }
                }
            }
            registration.update { [rejected] in $0.rejected = rejected.isEmpty ? nil : rejected }
        }
    }

    private func follow() async {
        var last: [String: NodeRecord] = [:]
        // Nodes whose lease has ended: they may serve all the same, for as long as replicas are assigned to them.
        var gone: [String: NodeRecord] = [:]
        var reader = FleetReader()
        var wishes = FleetWishes()
        var updating: Set<String> = []
        for await contents in mirror.updates {
            guard let snapshot = contents.snapshot else { continue }
            let state = reader.state(of: snapshot.entries)
            for (id, record) in last where state.nodes[id] == nil { gone[id] = record }
            last = state.nodes
            gone = gone.filter { id, _ in state.nodes[id] == nil && state.assignments[id] != nil }
            // What was before an update is gone once that is over: what failed here is all that there is then.
            let before = updating
            updating = Set(state.deployments.values.lazy.filter { !$0.kept.isEmpty }.map(\.name))
            let updated = before.subtracting(updating)
            catalog.apply(wishes.wanted(of: state, remembered: gone), retry: updated.contains)
            try? await time.sleep(until: time.now + Self.pause)
        }
    }
}
