import Logging
import MantaRuntime
import MantaStore
import Synchronization
import Testing

@testable import MantaFleet

@Suite("What a worker hosts")
struct WorkerNodeTests {
    @Test(
        "a group whose files have come is hosted, also if another assignment comes before the worker knows of them",
        .timeLimit(.minutes(1)))
    func assignedMeanwhile() async throws {
        let store = try await EmbeddedStore.open(path: nil)
        let registration = NodeRegistration(
            NodeRecord(id: "w", kind: .worker, capacity: .init(Resources())), store: store,
            keeper: LeaseKeeper(store: store))
        let host = HeldHost(holding: "a")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let node = WorkerNode(store: store, registration: registration, host: host, logger: logger)
        let running = Task { await node.run() }

        try await store.assign(["a"], to: "w")
        await host.eventually { $0.kept.contains("a") }
        try await store.assign(["a", "b"], to: "w")
        await host.eventually { $0.hosted["b"] == 1 }
        host.release()
        await host.eventually { $0.hosted["a"] == 1 }
        #expect(host.state.withLock { $0.kept } == ["a", "b"])

        running.cancel()
        await running.value
        await node.shutdown()
        await store.close()
    }
}

/// Keeps what was prepared until it is told to host something else, and doesn't come back from preparing one group.
private final class HeldHost: ReplicaHost {
    struct State {
        var kept: Set<String> = []
        /// How many replicas of those that are kept.
        var hosted: [String: Int] = [:]
    }

    let state = Mutex(State())
    private let held: String
    private let gate = AsyncStream.makeStream(of: Void.self)

    init(holding group: String) { held = group }

    func release() { gate.continuation.finish() }

    func eventually(_ isSo: (State) -> Bool) async {
        while !state.withLock({ isSo($0) }) { await Task.yield() }
    }

    func prepare(_ group: GroupRecord, from nodes: [NodeRecord]) async throws {
        state.withLock { _ = $0.kept.insert(group.model) }
        if group.model == held { for await _ in gate.stream {} }
    }

    func host(_ replicas: [String: Int]) {
        state.withLock { state in
            let counts = replicas.map { (String($0.key.prefix(1)), $0.value) }
            state.kept.formIntersection(counts.map(\.0))
            state.hosted = Dictionary(uniqueKeysWithValues: counts).filter { state.kept.contains($0.key) }
        }
    }

    func readiness(of group: String) -> (count: Int, reason: String?) { (0, nil) }

    var objects: [String] { [] }
}

extension EmbeddedStore {
    /// A leader has a worker host one replica of each of these models.
    fileprivate func assign(_ models: [String], to worker: String) async throws {
        let groups = models.map { GroupRecord(deployment: $0, version: 1, model: $0, files: [], yaml: "") }
        let replicas = groups.enumerated().map { AssignmentRecord.Replica(id: $0 + 1, group: $1.name) }
        let record = AssignmentRecord(term: 1, replicas: replicas, groups: groups)
        try await put(FleetState.Key.assignments + worker, record.stored)
    }
}
