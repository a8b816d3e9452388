import FoundationEssentials
public import MantaStore
import MantaTime
import Synchronization

/// A store in an etcd of version 3.4 or newer, for many processes on many machines.
///
/// ```swift
/// let store = try EtcdStore(EtcdSettings(endpoints: ["http://10.0.0.1:2379", "http://10.0.0.2:2379"]))
/// try await store.put("deployments/digits", bytes)
/// await store.close()
/// ```
///
/// It talks to etcd's JSON gateway. Each call ends within the settings' time. It goes on to the next member when one
/// doesn't answer, but for a transaction that may have been done already: that throws ``StoreError`` of code
/// ``StoreError/Code/unavailable``. A cancelled call throws that too. The revision is that of the whole etcd, so it grows
/// also with what others write there. Must be closed.
public final class EtcdStore: Store {
    /// How often a list is begun anew because its revision was forgotten while it was read page by page.
    private static let maxListAttempts = 5

    private let connection: EtcdConnection
    private let keys: EtcdKeys
    private let waiting = Atomic(0)

    /// A store at an etcd. Nothing is sent yet: an etcd that is away is found by the first call.
    ///
    /// - Throws: ``StoreError`` of code ``StoreError/Code/invalid``, whose message names the setting at fault.
    public init(_ settings: EtcdSettings) throws(StoreError) {
        connection = try EtcdConnection(settings)
        keys = EtcdKeys(prefix: settings.prefix)
    }

    /// Ends all watches and calls. A second call does nothing.
    public func close() async {
        await connection.close()
    }

    /// How many watchers wait at a member.
    var waiterCount: Int { waiting.load(ordering: .relaxed) }
}

// MARK: - Keys

extension EtcdStore {
    /// The entry of a key; `nil` if there is none.
    public func get(_ key: String) async throws(StoreError) -> Entry? {
        try await connection.call(EtcdRange(key: keys.name(key))).kvs?.first.map(keys.entry)
    }

    /// All entries whose keys begin with `prefix`, as they were at one revision.
    public func list(prefix: String) async throws(StoreError) -> Snapshot {
        for _ in 1..<Self.maxListAttempts {
            do throws(StoreError) {
                return try await pages(prefix)
            } catch {
                guard error.code == .compacted else { throw error }
            }
        }
        return try await pages(prefix)
    }

    /// All but the first page are read at the first one's revision.
    private func pages(_ prefix: String) async throws(StoreError) -> Snapshot {
        let (start, end) = keys.range(prefix)
        let limit = EtcdNumber(Int64(connection.settings.pageSize))
        var request = EtcdRange(key: start, rangeEnd: end, limit: limit)
        var snapshot = Snapshot(revision: 0, entries: [])
        while true {
            let page = try await connection.call(request)
            if request.revision == nil {
                request.revision = page.header?.revision
                snapshot.revision = page.header?.revision?.value ?? 0
            }
            snapshot.entries += (page.kvs ?? []).map(keys.entry)
            guard page.more == true, let last = page.kvs?.last?.key else { return snapshot }
            request.key = last + [0]
        }
    }

    /// Checks the transaction's conditions and, if all hold, does all of its writes.
    public func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome {
        try transaction.check()
        let request = EtcdTransaction(
            compare: transaction.conditions.map {
                EtcdTransaction.Compare(key: keys.name($0.key), modified: EtcdNumber($0.revision))
            },
            success: transaction.writes.map { write in
                switch write {
                case .put(let key, let value, let lease):
                    EtcdTransaction.Operation(
                        put: .init(
                            key: keys.name(key), value: Data(value), lease: lease.map { EtcdNumber($0.rawValue) }))
                case .delete(let key):
                    EtcdTransaction.Operation(delete: .init(key: keys.name(key)))
                }
            })
        do throws(StoreError) {
            let reply = try await connection.call(request)
            return Outcome(succeeded: reply.succeeded ?? false, revision: reply.header?.revision?.value ?? 0)
        } catch {
            throw error.code == .leaseLost ? transaction.lost(because: error) : error
        }
    }

    /// What is written after `revision` to keys that begin with `prefix`.
    ///
    /// A reader has a connection of its own. One that breaks is made again, at any member, without being seen. It throws
    /// also when etcd refuses the user, or something else answers: of code ``StoreError/Code/unauthorised`` or
    /// ``StoreError/Code/foreign``.
    public func watch(prefix: String, after revision: Int64) -> Watch {
        Watch(after: revision) { [connection, keys, self] in
            let reader = EtcdWatchReader(connection, keys, prefix: prefix) { [self] in
                waiting.wrappingAdd($0, ordering: .relaxed)
            }
            return { revision throws(StoreError) in try await reader.next(after: revision) }
        }
    }
}

// MARK: - Leases

extension EtcdStore {
    /// Makes a lease, for a whole number of seconds; of 2 at least with etcd's usual settings.
    public func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease {
        try StoreError.check(timeToLive: timeToLive)
        let seconds = Int64(timeToLive.seconds.rounded(.up))
        let reply = try await connection.call(EtcdLeaseGrant(timeToLive: EtcdNumber(seconds)))
        guard let id = reply.id?.value, id > 0, let granted = reply.timeToLive?.value, granted > 0 else {
            throw StoreError(.unavailable, "etcd granted no lease, expected one of \(seconds) seconds")
        }
        return Lease(id: LeaseID(rawValue: id), timeToLive: .seconds(granted))
    }

    /// Lets a lease live for its whole time again.
    @discardableResult
    public func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration {
        let reply = try await connection.call(EtcdLeaseKeepAlive(id: EtcdNumber(lease.rawValue)))
        // A lease that isn't there is no error to etcd: it just has no time to live.
        guard let timeToLive = reply.result?.timeToLive?.value, timeToLive > 0 else {
            throw StoreError.lost(lease, "it can't be kept alive")
        }
        return .seconds(timeToLive)
    }

    /// Ends a lease now and deletes its keys. One that has ended already is fine.
    public func revoke(_ lease: LeaseID) async throws(StoreError) {
        do throws(StoreError) {
            _ = try await connection.call(EtcdLeaseRevoke(id: EtcdNumber(lease.rawValue)))
        } catch {
            guard error.code == .leaseLost else { throw error }
        }
    }
}

extension Transaction {
    /// Etcd doesn't say which lease isn't there.
    fileprivate func lost(because cause: StoreError) -> StoreError {
        let puts = writes.compactMap { write -> (key: String, lease: LeaseID)? in
            guard case .put(let key, _, let lease?) = write else { return nil }
            return (key, lease)
        }
        let leases = Set(puts.map(\.lease.rawValue)).sorted().map(String.init).joined(separator: " or ")
        let keys = puts.map { "key \"\($0.key)\"" }.joined(separator: " and ")
        return StoreError(
            .leaseLost, "lease \(leases) has expired or was revoked: \(keys) can't be put with it", cause: cause)
    }
}
