package import MantaStore
package import MantaTime
import Synchronization

/// Keeps a node's record in the store while its lease lives, and puts it there again when the lease was lost.
package final class NodeRegistration: Sendable {
    /// A record is written at most once in so long: much may change at a time.
    private static let pause = Duration.milliseconds(50)
    private static let retryPause = Duration.milliseconds(500)

    private let store: any Store
    private let keeper: LeaseKeeper
    private let time: any TimeSource
    private let record: Mutex<NodeRecord>
    private let objects = Mutex<[Use: [String]]>([:])
    private let pokes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// What a node has objects for.
    enum Use: Sendable {
        /// To give them to others.
        case published
        /// To host replicas of them.
        case hosted
    }

    package init(
        _ record: NodeRecord, store: any Store, keeper: LeaseKeeper, time: any TimeSource = MachineTime()
    ) {
        self.record = Mutex(record)
        (self.store, self.keeper, self.time) = (store, keeper, time)
    }

    /// What the node says of itself.
    package var current: NodeRecord { record.withLock { $0 } }

    /// Changes that.
    package func update(_ change: (inout NodeRecord) -> Void) {
        let isChanged = record.withLock { record in
            let old = record
            change(&record)
            return record != old
        }
        if isChanged { pokes.continuation.yield() }
    }

    /// These are the objects that the node has for one use, by their SHA-256.
    func has(_ objects: [String], for use: Use) {
        update { record in
            record.objects = self.objects.withLock { known in
                known[use] = objects
                return known.count == 1 ? objects : Set(known.values.flatMap(\.self)).sorted()
            }
        }
    }

    /// Writes the record whenever it or the lease changes, until the task is cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [keeper, pokes] in
                for await _ in keeper.leases { pokes.continuation.yield() }
            }
            var written: (record: NodeRecord, lease: LeaseID)?
            // What was given up may still arrive, later than what was sent after it: so each write says what it is in place of.
            var revision: Int64?
            for await _ in pokes.stream {
                let record = current
                guard let lease = keeper.lease?.id else {
                    written = nil
                    continue
                }
                if let written, written.record == record, written.lease == lease { continue }
                // With the lease before, what was written went.
                if written?.lease != lease { revision = nil }
                let key = FleetState.Key.nodes + record.id
                do throws(StoreError) {
                    let known = if let revision { revision } else { try await store.get(key)?.modified ?? 0 }
                    revision = nil
                    revision = try await store.put(key, record.stored, ifRevision: known, lease: lease)
                    written = (record, lease)
                    try? await time.sleep(until: time.now + Self.pause)
                } catch {
                    try? await time.sleep(until: time.now + Self.retryPause)
                    pokes.continuation.yield()
                }
            }
            group.cancelAll()
        }
    }
}
