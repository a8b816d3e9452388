import GRDB
import MantaCore
import MantaThreads
public import MantaTime
import Synchronization

/// A store for one process, in a file of SQLite or in memory.
///
/// ```swift
/// let store = try await EmbeddedStore.open(path: "/var/lib/manta/manta.db")
/// async let leases: Void = store.run()
/// ```
///
/// What was acknowledged survives `kill -9` and power loss. A file that is damaged or not ours is left as it is. What
/// watches can be told about the past is in memory, so a watch can't be resumed over a restart; leases live on after one,
/// for their whole time.
public final class EmbeddedStore: Store {
    /// The file; `nil` if the store is in memory and goes away with this value.
    public let path: String?
    /// Work on it runs one after the other on a dispatch queue of its own, never on the cooperative pool.
    private let database: DatabaseQueue
    private let feed: ChangeFeed
    private let leases: Mutex<LeaseBook>
    private let granted: (stream: AsyncStream<LeaseID>, continuation: AsyncStream<LeaseID>.Continuation)
    private let time: any TimeSource

    /// Opens a store, which is made if there is none.
    ///
    /// - Parameters:
    ///   - path: The file, in a folder that exists; `nil` for a store in memory.
    ///   - time: The clock of leases.
    /// - Returns: The store. Leases end while ``run()`` runs.
    /// - Throws: ``StoreError``, whose message names the file, says what is wrong and what to do about it.
    public static func open(path: String?, time: any TimeSource = MachineTime()) async throws(StoreError)
        -> EmbeddedStore
    {
        try await open(path: path, history: .init(), time: time)
    }

    /// As the public one, with the bounds of what watches can be told about the past.
    static func open(
        path: String?, history: ChangeHistory.Bounds, time: any TimeSource
    ) async throws(StoreError) -> EmbeddedStore {
        try await Thread.run(name: "store") { () throws(StoreError) in
            let database = try StoreFile.open(path)
            do {
                let (revision, leases) = try database.read { (try $0.revision(), try $0.leases()) }
                return EmbeddedStore(
                    path, database, ChangeHistory(revision: revision, bounds: history), leases, time: time)
            } catch {
                throw StoreError(error, file: path)
            }
        }
    }

    private init(
        _ path: String?, _ database: DatabaseQueue, _ history: ChangeHistory, _ leases: [Lease], time: any TimeSource
    ) {
        (self.path, self.database, self.time) = (path, database, time)
        feed = ChangeFeed(history)
        granted = AsyncStream.makeStream()
        var book = LeaseBook()
        for lease in leases {
            book.add(lease, at: time.now)
            granted.continuation.yield(lease.id)
        }
        self.leases = Mutex(book)
    }

    /// Ends leases that weren't kept alive, until the task is cancelled or the store closed. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await lease in granted.stream {
                group.addTask { await self.end(lease) }
            }
            group.cancelAll()
        }
    }

    /// Finishes what was asked for, ends all watches and closes the file. Another process may have it then.
    public func close() async {
        feed.close()
        granted.continuation.finish()
        // Errors can't be acted upon: all that was acknowledged is on the disk.
        await Thread.run(name: "store") { [database] in try? database.close() }
    }

    /// How many watchers wait.
    var waiterCount: Int { feed.waiterCount }

    /// Does `body` in one transaction of SQLite, then `after`, and publishes the commit that `body` returned. Those of
    /// different calls don't overlap, so commits are published in the order of revisions.
    ///
    /// It isn't cut short when the caller is cancelled: it takes milliseconds, and its outcome would be unknown.
    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> (Value, Commit?),
        after: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { [feed, path] database in
                do {
                    var done: (value: Value, commit: Commit?)?
                    try database.inTransaction(.immediate) {
                        done = try body(database)
                        return .commit
                    }
                    guard let done else { preconditionFailure("committed without having done anything") }
                    after(done.value)
                    if let commit = done.commit { feed.publish(commit) }
                    continuation.resume(returning: .success(done.value))
                } catch {
                    continuation.resume(returning: .failure(StoreError(error, file: path)))
                }
            }
        }
        return try result.get()
    }
}

// MARK: - Keys

extension EmbeddedStore {
    /// The entry of a key; `nil` if there is none.
    public func get(_ key: String) async throws(StoreError) -> Entry? {
        try await perform { (try $0.entry(key), nil) }
    }

    /// All entries whose keys begin with `prefix`, as they were at one revision.
    public func list(prefix: String) async throws(StoreError) -> Snapshot {
        try await perform { database in
            (Snapshot(revision: try database.revision(), entries: try database.entries(prefix: prefix)), nil)
        }
    }

    /// Checks the transaction's conditions and, if all hold, does all of its writes.
    public func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome {
        try transaction.check()
        return try await perform { database in
            for case .put(let key, _, let lease?) in transaction.writes {
                guard self.isAlive(lease) else { throw StoreError.lost(lease, "key \"\(key)\" can't be put with it") }
            }
            return try database.apply(transaction)
        }
    }

    /// What is written after `revision` to keys that begin with `prefix`.
    public func watch(prefix: String, after revision: Int64) -> Watch {
        Watch(after: revision) { [feed] revision throws(StoreError) in
            try await feed.next(after: revision, prefix: prefix)
        }
    }
}

// MARK: - Leases

extension EmbeddedStore {
    /// Makes a lease, for a whole number of milliseconds.
    public func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease {
        try StoreError.check(timeToLive: timeToLive)
        return try await perform { database in
            (try database.addLease(timeToLive), nil)
        } after: { [self] lease in
            leases.withLock { $0.add(lease, at: time.now) }
            granted.continuation.yield(lease.id)
        }
    }

    /// Lets a lease live for its whole time again. Nothing is written for it.
    @discardableResult
    public func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration {
        let timeToLive = leases.withLock { $0.keepAlive(lease, at: time.now) }
        guard let timeToLive else { throw StoreError.lost(lease, "it can't be kept alive") }
        return timeToLive
    }

    /// Ends a lease now and deletes its keys. One that has ended already is fine.
    public func revoke(_ lease: LeaseID) async throws(StoreError) {
        try await perform {
            ((), try $0.removeLease(lease))
        } after: { [self] in
            leases.withLock { $0.remove(lease) }
        }
    }

    private func isAlive(_ lease: LeaseID) -> Bool {
        leases.withLock { $0.isAlive(lease, at: time.now) }
    }

    /// Ends a lease when its time is over, unless it was revoked before.
    private func end(_ lease: LeaseID) async {
        while let deadline = leases.withLock({ $0.deadline(of: lease) }) {
            guard time.now >= deadline else {
                do { try await time.sleep(until: deadline) } catch { return }
                continue
            }
            // From here on it can't be kept alive.
            do {
                try await revoke(lease)
            } catch {
                // The disk is full, or the store is closed. The keys stay until it works.
                do { try await time.sleep(until: time.now + .seconds(1)) } catch { return }
            }
        }
    }
}
