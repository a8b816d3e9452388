import MantaStore
import MantaTime

/// The store as one process has it: each call goes over the network, may be lost on its way there or back, and is given up
/// after a time. Unchecked Sendable: see ``EventLoop``.
final class SimulatedStore: Store, @unchecked Sendable {
    /// As those of the real one.
    private static let timeout = Duration.seconds(5)
    private static let silence = Duration.seconds(10)

    private let process: SimulatedProcess
    private let etcd: SimulatedEtcd
    private let network: SimulatedNetwork
    /// Watches say nothing until then, and nobody notices.
    private var deafUntil = Instant.origin

    init(_ process: SimulatedProcess, etcd: SimulatedEtcd, network: SimulatedNetwork) {
        (self.process, self.etcd, self.network) = (process, etcd, network)
    }

    /// Its watches lose what they are told for so long.
    func loseWatches(for duration: Duration) { deafUntil = process.loop.now + duration }

    func get(_ key: String) async throws(StoreError) -> Entry? {
        try await call { .success($0.entry(key)) }
    }

    func list(prefix: String) async throws(StoreError) -> Snapshot {
        try await call { .success($0.list(prefix)) }
    }

    func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome {
        try await call { $0.commit(transaction) }
    }

    func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease {
        try await call { .success($0.grant(timeToLive)) }
    }

    func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration {
        try await call { $0.keepAlive(lease) }
    }

    func revoke(_ lease: LeaseID) async throws(StoreError) {
        try await call { .success($0.revoke(lease)) }
    }

    private func call<Value: Sendable>(
        _ body: @escaping (SimulatedEtcd) -> Result<Value, StoreError>
    ) async throws(StoreError) -> Value {
        let loop = process.loop
        let name = process.name
        let result = await process.wait(
            orElse: Result<Value, StoreError>.failure(StoreError(.unavailable, "given up"))
        ) { answer in
            network.send(from: name, to: SimulatedEtcd.name) { [self] in
                etcd.whenAnswering { [self] isThere in
                    let result = isThere ? body(etcd) : .failure(StoreError(.unavailable, "refused"))
                    network.send(from: SimulatedEtcd.name, to: name) { answer(result) }
                }
            }
            loop.after(Self.timeout) { answer(.failure(StoreError(.unavailable, "etcd doesn't answer"))) }
        }
        return try result.get()
    }

    func watch(prefix: String, after revision: Int64) -> Watch {
        Watch(after: revision) { [self] (revision: Int64) async throws(StoreError) -> Commit? in
            try await next(after: revision, prefix: prefix)
        }
    }

    /// The next commit. A connection that says nothing is made anew after a while, as the real one does.
    private func next(after revision: Int64, prefix: String) async throws(StoreError) -> Commit? {
        while process.state != .isDead, !Task.isCancelled {
            guard let commit = try await etcd.feed.next(after: revision, prefix: prefix) else { return nil }
            let isHeard = etcd.state == .answers && process.loop.now >= deafUntil
            if isHeard, await message() {
                etcd.tells(commit)
                return commit
            }
            do { try await process.sleep(until: process.now + Self.silence) } catch { return nil }
        }
        return nil
    }

    /// Whether a message from etcd comes through.
    private func message() async -> Bool {
        guard !network.isCut(process.name, SimulatedEtcd.name) else { return false }
        return await process.wait(orElse: false) { answer in
            network.send(from: SimulatedEtcd.name, to: process.name) { answer(true) }
            process.loop.after(.seconds(1)) { answer(false) }
        }
    }
}

/// The disk of a front, which a restart finds again. Unchecked Sendable: see ``EventLoop``.
final class SimulatedDisk: SnapshotKeeper, @unchecked Sendable {
    private var snapshot: Snapshot?
    /// By their SHA-256.
    var objects: Set<String> = []

    func load(prefix: String) async throws(StoreError) -> Snapshot? { snapshot }

    func save(_ snapshot: Snapshot, prefix: String) async throws(StoreError) { self.snapshot = snapshot }
}
