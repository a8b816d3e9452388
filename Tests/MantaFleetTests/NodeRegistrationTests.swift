import MantaRuntime
import MantaStore
import Synchronization
import Testing

@testable import MantaFleet

@Suite("What a node says of itself", .timeLimit(.minutes(1)))
struct NodeRegistrationTests {
    @Test("a write that was given up and arrives late doesn't undo the one after it")
    func lateWrite() async throws {
        let embedded = try await EmbeddedStore.open(path: nil)
        let store = LateStore(embedded)
        let keeper = LeaseKeeper(store: store)
        let registration = NodeRegistration(
            NodeRecord(id: "a", kind: .worker, capacity: .init(Resources())), store: store, keeper: keeper)
        let running = [
            Task { await embedded.run() }, Task { await keeper.run() }, Task { await registration.run() },
        ]
        try await said(in: embedded) { $0.objects.isEmpty }

        store.losesNext()
        registration.update { $0.objects = ["first"] }
        await store.hasLost()
        registration.update { $0.objects = ["first", "second"] }
        try await said(in: embedded) { $0.objects == ["first", "second"] }
        try await store.deliver()

        #expect(try await record(in: embedded)?.objects == ["first", "second"])
        for task in running { task.cancel() }
        for task in running { await task.value }
        await embedded.close()
    }

    @Test("a front that hosts replicas has the objects of both")
    func objects() async throws {
        let store = try await EmbeddedStore.open(path: nil)
        let registration = NodeRegistration(
            NodeRecord(id: "f", kind: .front, capacity: .init(Resources())), store: store,
            keeper: LeaseKeeper(store: store))
        registration.has(["a", "b"], for: .published)
        registration.has(["b", "c"], for: .hosted)
        #expect(registration.current.objects == ["a", "b", "c"])

        registration.has(["b"], for: .published)
        #expect(registration.current.objects == ["b", "c"])
        await store.close()
    }

    private func record(in store: EmbeddedStore) async throws -> NodeRecord? {
        FleetState(try await store.list(prefix: FleetState.Key.nodes).entries).nodes["a"]
    }

    /// Waits until the node has said something.
    private func said(in store: EmbeddedStore, _ isSaid: (NodeRecord) -> Bool) async throws {
        while !(try await record(in: store).map(isSaid) ?? false) { await Task.yield() }
    }
}

/// A store that loses a write when it is told to, and does it later.
private final class LateStore: Store {
    private struct State {
        var losesNext = false
        var lost: Transaction?
    }

    private let store: EmbeddedStore
    private let state = Mutex(State())

    init(_ store: EmbeddedStore) { self.store = store }

    func losesNext() { state.withLock { $0.losesNext = true } }

    /// Returns once it has lost a write.
    func hasLost() async {
        while state.withLock({ $0.lost == nil }) { await Task.yield() }
    }

    /// Does what it has lost.
    func deliver() async throws {
        guard let lost = state.withLock({ $0.lost }) else { return }
        _ = try await store.commit(lost)
    }

    func get(_ key: String) async throws(StoreError) -> Entry? { try await store.get(key) }
    func list(prefix: String) async throws(StoreError) -> Snapshot { try await store.list(prefix: prefix) }
    func watch(prefix: String, after revision: Int64) -> Watch { store.watch(prefix: prefix, after: revision) }
    func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease { try await store.grantLease(timeToLive) }
    func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration { try await store.keepAlive(lease) }
    func revoke(_ lease: LeaseID) async throws(StoreError) { try await store.revoke(lease) }

    func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome {
        let isLost = state.withLock { state in
            guard state.losesNext else { return false }
            (state.losesNext, state.lost) = (false, transaction)
            return true
        }
        if isLost { throw StoreError(.unavailable, "no answer") }
        return try await store.commit(transaction)
    }
}
