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
        let host = HeldHost(holding: "a")
        try await withWorker(on: host) { store in
            try await store.assign(["a"])
            await host.eventually { $0.kept.contains("a") }
            try await store.assign(["a", "b"])
            await host.eventually { $0.hosted["b"] == 1 }
            host.release()
            await host.eventually { $0.hosted["a"] == 1 }
            #expect(host.state.withLock { $0.kept } == ["a", "b"])
        }
    }

    @Test("the nodes that the leader named are asked for a model, then all that have it", .timeLimit(.minutes(1)))
    func holders() async throws {
        let host = HeldHost(failing: 1)
        try await withWorker(on: host) { store in
            var node = NodeRecord(id: "n", kind: .worker, capacity: .init(Resources()))
            (node.address, node.objects) = ("http://n", ["o"])
            try await store.put(FleetState.Key.nodes + "n", node.stored)
            try await store.assign(["a"], objects: ["o"], holders: ["o": ["http://gone"]])
            await host.eventually { $0.hosted["a"] == 1 }
            #expect(host.state.withLock { $0.holders } == [["o": ["http://gone"]], ["o": ["http://n"]]])
        }
    }

    @Test("a leader who knows nobody that has a model leaves it to the worker", .timeLimit(.minutes(1)))
    func noHolders() async throws {
        let host = HeldHost()
        try await withWorker(on: host) { store in
            try await store.assign(["a"], objects: ["o"], holders: nil)
            await host.eventually { $0.hosted["a"] == 1 }
            #expect(host.state.withLock { $0.holders } == [[:]])
        }
    }

    /// Runs a worker with this host, and gives its store to `body`.
    private func withWorker(on host: HeldHost, _ body: (EmbeddedStore) async throws -> Void) async throws {
        let store = try await EmbeddedStore.open(path: nil)
        let registration = NodeRegistration(
            NodeRecord(id: "w", kind: .worker, capacity: .init(Resources())), store: store,
            keeper: LeaseKeeper(store: store))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let node = WorkerNode(store: store, registration: registration, host: host, logger: logger)
        let running = Task { await node.run() }
        try await body(store)
        running.cancel()
        await running.value
        await node.shutdown()
        await store.close()
    }
}

/// Keeps what was prepared until it is told to host something else. Doesn't come back from preparing one group, or fails to
/// prepare so often.
private final class HeldHost: ReplicaHost {
    struct State {
        var kept: Set<String> = []
        /// How many replicas of those that are kept.
        var hosted: [String: Int] = [:]
        /// Whom it was told to ask.
        var holders: [[String: [String]]] = []
        var failures = 0
    }

    private struct Failure: Error {}

    let state = Mutex(State())
    private let held: String?
    private let gate = AsyncStream.makeStream(of: Void.self)

    init(holding group: String? = nil, failing failures: Int = 0) {
        held = group
        state.withLock { $0.failures = failures }
    }

    func release() { gate.continuation.finish() }

    func eventually(_ isSo: (State) -> Bool) async {
        while !state.withLock({ isSo($0) }) { await Task.yield() }
    }

    func prepare(_ group: GroupRecord, from holders: [String: [String]]) async throws {
        let fails = state.withLock { state in
            state.holders.append(holders)
            state.failures -= 1
            if state.failures < 0 { state.kept.insert(group.model) }
            return state.failures >= 0
        }
        if fails { throw Failure() }
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
    /// A leader has the worker host one replica of each of these models.
    fileprivate func assign(
        _ models: [String], objects: [String] = [], holders: [String: [String]]? = nil
    ) async throws {
        let files = objects.map { GroupRecord.File(path: "model", object: $0, byteCount: 1) }
        let groups = models.map { GroupRecord(deployment: $0, version: 1, model: $0, files: files, yaml: "") }
        let replicas = groups.enumerated().map { AssignmentRecord.Replica(id: $0 + 1, group: $1.name) }
        let record = AssignmentRecord(term: 1, replicas: replicas, groups: groups, holders: holders)
        try await put(FleetState.Key.assignments + "w", record.stored)
    }
}
