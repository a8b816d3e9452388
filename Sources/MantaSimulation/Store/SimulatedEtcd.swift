import MantaStore
import MantaTime

/// The etcd of a world: one history of writes, leases that end, and times at which it doesn't answer.
///
/// It behaves as etcd 3.4 was measured to (`docs/fleet.md`): leases live for their whole time again when its leader
/// changes, a reader that is late is told that history is gone. Unchecked Sendable: see ``EventLoop``.
final class SimulatedEtcd: @unchecked Sendable {
    enum State {
        case answers
        /// It can't be reached.
        case isAway
        /// It elects a leader: calls wait for it.
        case elects
    }

    static let name = "etcd"

    private let loop = EventLoop.shared
    private let auditor: Auditor
    private(set) var state = State.answers
    private var entries: [String: Entry] = [:]
    private(set) var revision: Int64 = 1
    private var leases = LeaseBook()
    private var granted: [LeaseID: Lease] = [:]
    private var nextLease: Int64 = 1
    let feed: ChangeFeed
    private var waitingForLeader: [() -> Void] = []
    /// What was asked of it.
    private(set) var traffic = Traffic()

    struct Traffic {
        var reads = 0
        var writes = 0
        var renewals = 0
        /// Of keys and values, in both directions, watches left out.
        var bytes = 0
        /// Of keys and values, told to watches.
        var toldBytes = 0
        var told = 0
    }

    init(auditor: Auditor) {
        self.auditor = auditor
        var bounds = ChangeHistory.Bounds()
        bounds.commits = loop.random.happens(0.3) ? loop.random.number(5...40) : 1000
        feed = ChangeFeed(ChangeHistory(revision: 1, bounds: bounds))
    }

    // MARK: - How it is

    func goAway() { state = .isAway }

    func comeBack() {
        state = .answers
        // Leases live anew, as after a change of leader.
        for lease in granted.values { leases.add(lease, at: loop.now) }
        let waiting = waitingForLeader
        waitingForLeader = []
        for body in waiting { body() }
    }

    func elect() { state = .elects }

    /// Has `body` run once it answers, or at once with false while it can't be reached.
    func whenAnswering(_ body: @escaping (Bool) -> Void) {
        switch state {
        case .answers: body(true)
        case .isAway: body(false)
        case .elects: waitingForLeader.append { self.whenAnswering(body) }
        }
    }

    // MARK: - What it does

    func entry(_ key: String) -> Entry? {
        traffic.reads += 1
        traffic.bytes += entries[key]?.value.count ?? 0
        return entries[key]
    }

    func list(_ prefix: String) -> Snapshot {
        traffic.reads += 1
        let found = entries.values.filter { $0.key.utf8.starts(with: prefix.utf8) }
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        traffic.bytes += found.reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
        return Snapshot(revision: revision, entries: found)
    }

    func commit(_ transaction: Transaction) -> Result<Outcome, StoreError> {
        traffic.writes += 1
        traffic.bytes += transaction.writes.reduce(0) { sum, write in
            if case .put(let key, let value, _) = write { sum + key.utf8.count + value.count } else { sum }
        }
        do throws(StoreError) { try transaction.check() } catch { return .failure(error) }
        for condition in transaction.conditions where entries[condition.key]?.modified ?? 0 != condition.revision {
            return .success(Outcome(succeeded: false, revision: revision))
        }
        for case .put(let key, _, let lease?) in transaction.writes where !leases.isAlive(lease, at: loop.now) {
            return .failure(StoreError(.leaseLost, "key \"\(key)\": its lease has ended"))
        }
        write(transaction.writes)
        return .success(Outcome(succeeded: true, revision: revision))
    }

    func grant(_ timeToLive: Duration) -> Lease {
        traffic.renewals += 1
        let lease = Lease(id: LeaseID(rawValue: nextLease), timeToLive: timeToLive)
        nextLease += 1
        granted[lease.id] = lease
        leases.add(lease, at: loop.now)
        watch(lease.id)
        return lease
    }

    func keepAlive(_ lease: LeaseID) -> Result<Duration, StoreError> {
        traffic.renewals += 1
        if let timeToLive = leases.keepAlive(lease, at: loop.now) { return .success(timeToLive) }
        return .failure(StoreError(.leaseLost, "lease \(lease.rawValue) has ended"))
    }

    func revoke(_ lease: LeaseID) {
        leases.remove(lease)
        granted[lease] = nil
        let keys = entries.values.filter { $0.lease == lease }.map(\.key).sorted()
        if !keys.isEmpty { write(keys.map { .delete($0) }) }
    }

    /// Ends a lease at its deadline, which moves whenever it is kept alive.
    private func watch(_ lease: LeaseID) {
        guard let deadline = leases.deadline(of: lease) else { return }
        loop.at(deadline) { [self] in
            guard let deadline = leases.deadline(of: lease) else { return }
            if state == .answers, deadline <= loop.now {
                loop.chronicle.write("etcd: lease \(lease.rawValue) ends", at: loop.now)
                revoke(lease)
            } else {
                // It ends none while it has no leader.
                loop.after(deadline <= loop.now ? .milliseconds(500) : .zero) { self.watch(lease) }
            }
        }
    }

    private func write(_ writes: [Transaction.Write]) {
        var changes: [Commit.Change] = []
        for write in writes {
            switch write {
            case .put(let key, let value, let lease):
                let entry = Entry(
                    key: key, value: value, created: entries[key]?.created ?? revision + 1, modified: revision + 1,
                    lease: lease)
                entries[key] = entry
                changes.append(.put(entry))
            case .delete(let key):
                if entries.removeValue(forKey: key) != nil { changes.append(.deleted(key)) }
            }
        }
        guard !changes.isEmpty else { return }
        revision += 1
        changes.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let commit = Commit(revision: revision, changes: changes)
        loop.chronicle.write("etcd: \(revision) \(changes.map(\.key).joined(separator: " "))", at: loop.now)
        auditor.wrote(commit)
        feed.publish(commit)
    }

    func tells(_ commit: Commit) {
        traffic.told += 1
        for case .put(let entry) in commit.changes {
            traffic.toldBytes += entry.key.utf8.count + entry.value.count
        }
    }
}
