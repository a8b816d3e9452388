public import MantaTime

/// Chooses one of those who campaign for a key: whoever made the key leads for as long as it is there.
///
/// ```swift
/// let election = Election(store: store, key: "leader", value: me, keeper: keeper)
/// async let campaign: Void = election.run()
/// for await role in election.roles { if case .leader(let term) = role { try await lead(term) } }
/// ```
///
/// The key belongs to the keeper's lease: when the leader's process is gone it is deleted, and another leads. A leader
/// whose lease is lost by its own clock, which is before the store ends it, follows at once, also when the store is away.
/// What a leader writes carries its term, and whoever reads it refuses a lower one than it has seen: a leader that was
/// stopped and goes on doesn't know yet.
public final class Election: Sendable {
    /// What somebody who campaigns is.
    public enum Role: Sendable, Equatable {
        /// The one that leads. Each leader's term, the revision of its key, is higher than those before it.
        case leader(term: Int64)
        /// One that doesn't, with the leader's entry; `nil` while none is known.
        case follower(of: Entry?)
    }

    private static let firstDelay = Duration.milliseconds(100)
    private static let longestDelay = Duration.seconds(2)

    private let store: any Store
    private let key: String
    private let value: [UInt8]
    private let keeper: LeaseKeeper
    private let time: any TimeSource
    private let latest = Latest(Role.follower(of: nil))

    /// Doesn't campaign yet.
    ///
    /// - Parameters:
    ///   - store: Where the key is.
    ///   - key: The key.
    ///   - value: What the key says of whoever leads.
    ///   - keeper: Whose lease the key belongs to. It has to run.
    ///   - time: The clock of the waits between tries when the store is away.
    public init(
        store: any Store, key: String, value: [UInt8], keeper: LeaseKeeper, time: any TimeSource = MachineTime()
    ) {
        (self.store, self.key, self.value, self.keeper, self.time) = (store, key, value, keeper, time)
    }

    /// What this one is now.
    public var role: Role { latest.value }

    /// What this one is and becomes.
    public var roles: Updates<Role> { Updates(latest: latest) }

    /// Campaigns until the task is cancelled or the keeper stops, and resigns then. Call it once.
    public func run() async {
        var version: UInt64 = 0
        while let (lease, next) = await keeper.latest.next(after: version) {
            version = next
            set(.follower(of: nil))
            guard let lease else { continue }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.campaign(with: lease.id) }
                group.addTask { [keeper] in _ = await keeper.latest.next(after: next) }
                await group.next()
                group.cancelAll()
            }
        }
        await resign()
        latest.end()
    }

    private func set(_ role: Role) {
        latest.update { present in
            defer { present = role }
            return present != role
        }
    }

    /// Campaigns until the task is cancelled.
    private func campaign(with lease: LeaseID) async {
        var failures = 0
        while !Task.isCancelled {
            do throws(StoreError) {
                try await change(after: try await claim(with: lease))
                failures = 0
            } catch {
                guard error.code != .compacted else { continue }
                let delay = min(Self.longestDelay, Self.firstDelay * (1 << min(failures, 10)))
                failures += 1
                try? await time.sleep(until: time.now + delay * (0.5 + time.jitter() / 2))
            }
        }
    }

    /// Makes the key if it is absent. Returns the revision after which its changes matter.
    private func claim(with lease: LeaseID) async throws(StoreError) -> Int64 {
        while true {
            let snapshot = try await store.list(prefix: key)
            if let holder = snapshot.entries.first(where: { isKey($0.key) }) {
                set(holder.lease == lease ? .leader(term: holder.modified) : .follower(of: holder))
                return snapshot.revision
            }
            set(.follower(of: nil))
            let claim = Transaction(if: [.init(key, at: 0)], then: [.put(key, value, lease: lease)])
            let outcome = try await store.commit(claim)
            guard outcome.succeeded else { continue }
            set(.leader(term: outcome.revision))
            return outcome.revision
        }
    }

    /// Returns when the key is changed after `revision`.
    private func change(after revision: Int64) async throws(StoreError) {
        for try await commit in store.watch(prefix: key, after: revision) {
            if commit.changes.contains(where: { isKey($0.key) }) { return }
        }
        throw StoreError(.closed, "the store is closed")
    }

    /// By bytes: strings that Swift calls equal may be different keys.
    private func isKey(_ other: String) -> Bool {
        other.utf8.elementsEqual(key.utf8)
    }

    /// Lets another lead at once, rather than at the lease's end.
    private func resign() async {
        let role = latest.value
        set(.follower(of: nil))
        guard case .leader(let term) = role else { return }
        // Not cancelled with the task that runs this.
        await Task { [store, key] in _ = try? await store.delete(key, ifRevision: term) }.value
    }
}
