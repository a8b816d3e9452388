import MantaStore
import Synchronization

/// A store that a test takes away, or that tells what isn't so.
final class FlakyStore: Store {
    struct Faults: Sendable {
        /// It doesn't answer.
        var isAway = false
        /// Its watches tell nothing.
        var isSilent = false
        /// It has forgotten what its watches ask for.
        var isForgetful = false
        /// What it lists in place of what there is.
        var list: Snapshot?
    }

    private let store: any Store
    private let listCount = Atomic(0)
    private let renewalCount = Atomic(0)
    private let faults = Mutex(Faults())

    init(_ store: any Store) {
        self.store = store
    }

    func change(_ body: @Sendable (inout Faults) -> Void) {
        faults.withLock { body(&$0) }
    }

    /// How often it was listed.
    var lists: Int { listCount.load(ordering: .relaxed) }

    /// How often a lease was kept alive.
    var renewals: Int { renewalCount.load(ordering: .relaxed) }

    private func check() throws(StoreError) {
        if faults.withLock({ $0.isAway }) { throw StoreError(.unavailable, "the test took the store away") }
    }

    func get(_ key: String) async throws(StoreError) -> Entry? {
        try check()
        return try await store.get(key)
    }

    func list(prefix: String) async throws(StoreError) -> Snapshot {
        try check()
        listCount.wrappingAdd(1, ordering: .relaxed)
        if let list = faults.withLock({ $0.list }) { return list }
        return try await store.list(prefix: prefix)
    }

    func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome {
        try check()
        return try await store.commit(transaction)
    }

    func watch(prefix: String, after revision: Int64) -> Watch {
        let faults = faults.withLock { $0 }
        guard !faults.isForgetful else {
            return Watch(after: revision) { _ throws(StoreError) in throw StoreError(.compacted, "list again") }
        }
        return store.watch(prefix: faults.isSilent ? "nothing has this prefix" : prefix, after: revision)
    }

    func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease {
        try check()
        return try await store.grantLease(timeToLive)
    }

    func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration {
        try check()
        renewalCount.wrappingAdd(1, ordering: .relaxed)
        return try await store.keepAlive(lease)
    }

    func revoke(_ lease: LeaseID) async throws(StoreError) {
        try check()
        try await store.revoke(lease)
    }
}
