import MantaAutoscaler
import MantaRuntime
import MantaServing
import MantaStore
import MantaTime
import Testing

@testable import MantaFleet

/// A fleet without processes: a store, workers that do what they are told, and a leader.
struct FleetModel {
    var state = FleetState()
    var wanted: [DeploymentRecord] = []
    var ended: Set<String> = []
    /// Whether replicas that begin don't become ready.
    var holdsBack = false
    /// What a front serves.
    private(set) var served: [WantedDeployment] = []
    private var wishes = FleetWishes()
    private var plan = FleetPlan()
    private var now = Instant.now

    init(workers: [String]) {
        for name in workers { join(name) }
    }

    /// Version 1 of "m" is there, with one replica and a count that follows the load.
    static func following(on workers: [String]) -> FleetModel {
        var fleet = FleetModel(workers: workers)
        var wanted = DeploymentRecord.of("m", version: 1, replicas: 1)
        wanted.scaling = ScalingRecord(.init())
        fleet.wanted = [wanted]
        fleet.settle()
        return fleet
    }

    mutating func join(_ name: String, _ kind: NodeRecord.Kind = .worker, cpus: Int = 4) {
        var record = NodeRecord(
            id: name, kind: kind, capacity: .init(Resources(cpus: Amount(cpus), memory: 8 << 30)))
        record.address = "http://\(name):8000"
        state.nodes[name] = record
    }

    /// The leader decides, and what it has decided is written.
    mutating func step() {
        let result = plan.result(wanted: wanted, ended: ended, state: state, term: 1, at: now)
        (state.deployments, state.assignments) = (result.deployments, result.assignments)
        state.nextReplica = result.nextReplica
    }

    /// The leader decides, also how many workers there are to be.
    mutating func step(_ nodes: NodeManager, at now: Instant) {
        var seen = state
        nodes.cordon(&seen)
        var result = plan.result(wanted: wanted, ended: ended, state: seen, term: 1, at: now)
        nodes.decide(&result, fleet: seen, at: now)
        (state.deployments, state.assignments) = (result.deployments, result.assignments)
        state.nextReplica = result.nextReplica
    }

    /// The leader decides and the workers follow, until nothing changes.
    mutating func settle() {
        for _ in 0..<50 {
            let before = state
            step()
            look()
            follow()
            look()
            if state == before { return }
        }
    }

    /// A front looks at what there is. What it remembers of the last time makes no difference.
    private mutating func look() {
        var anew = FleetWishes()
        served = wishes.wanted(of: state)
        #expect(served == anew.wanted(of: state))
    }

    mutating func pass(_ duration: Duration) {
        now += duration
        settle()
    }

    /// Each worker hosts what is assigned to it.
    private mutating func follow() {
        for name in state.nodes.keys {
            let known = Dictionary(
                (state.nodes[name]?.replicas ?? []).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            state.nodes[name]?.replicas = (state.assignments[name]?.replicas ?? []).map { replica in
                known[replica.id].flatMap { $0.isReady ? $0 : nil }
                    ?? .init(id: replica.id, group: replica.group, isReady: !holdsBack)
            }
        }
    }

    /// How many replicas of a deployment are assigned to each worker.
    func hosts(of deployment: String) -> [String: Int] {
        state.assignments.compactMapValues { record in
            let count = record.replicas.count { $0.group.hasPrefix(deployment + "@") }
            return count > 0 ? count : nil
        }
    }

    /// How many replicas of a group are ready.
    func ready(_ group: String) -> Int {
        state.nodes.values.flatMap(\.replicas).count { $0.group == group && $0.isReady }
    }

    /// As it is in the store.
    var entries: [Entry] {
        func entry(_ key: String, _ value: some Encodable) -> Entry {
            Entry(key: key, value: value.stored, created: 1, modified: 1)
        }
        return state.nodes.map { entry(FleetState.Key.nodes + $0, $1) }
            + state.deployments.map { entry(FleetState.Key.deployments + $0, $1) }
            + state.assignments.map { entry(FleetState.Key.assignments + $0, $1) }
            + [entry(FleetState.Key.nextReplica, state.nextReplica)]
    }
}

extension DeploymentRecord {
    /// A deployment of one version.
    static func of(_ name: String, version: Int, replicas: Int? = nil) -> DeploymentRecord {
        DeploymentRecord(
            name: name, yaml: "", replicas: replicas, needs: .init(cpus: 0),
            versions: [
                GroupRecord(
                    deployment: name, version: version, model: "model.onnx",
                    files: [.init(path: "model.onnx", object: String(repeating: "0", count: 64), byteCount: 1)],
                    yaml: "")
            ])
    }
}
