import Logging
import MantaAutoscaler
import MantaStore
import MantaTime
import Synchronization

/// Has the counts of deployments follow the load of all fronts, while this node leads and there are such deployments.
final class LoadFollower: Sendable {
    /// How often the load is looked at if nobody says anything new.
    private static let interval = Duration.seconds(1)

    private struct State {
        var scaler = FleetScaler()
        var isNeeded = false
        /// What fronts said, by key, so that each is read once.
        var read: [String: (record: LoadRecord, revision: Int64)] = [:]
    }

    private let store: any Store
    private let logger: Logger
    private let time: any TimeSource
    private let changed: @Sendable () -> Void
    private let state = Mutex(State())
    private let needs = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))

    /// Follows nothing yet. `changed` is told when a count is another one, from any thread.
    init(
        store: any Store, logger: Logger, time: any TimeSource, changed: @escaping @Sendable () -> Void
    ) {
        (self.store, self.logger, self.time, self.changed) = (store, logger, time, changed)
    }

    /// Another term begins, or another node leads: nothing that was seen counts.
    func reset() {
        state.withLock { $0.scaler = FleetScaler() }
        setNeeded(false)
    }

    /// What is wanted, with the counts that are decided.
    func counted(
        _ wanted: [DeploymentRecord], ended: Set<String>, over fleet: FleetState
    ) -> [DeploymentRecord] {
        let (records, isNeeded) = state.withLock { state in
            (state.scaler.counted(wanted, ended: ended, over: fleet), state.scaler.isNeeded)
        }
        setNeeded(isNeeded)
        return records
    }

    private func setNeeded(_ isNeeded: Bool) {
        let isNew = state.withLock { state in
            defer { state.isNeeded = isNeeded }
            return state.isNeeded != isNeeded
        }
        if isNew { needs.continuation.yield(isNeeded) }
    }

    /// Follows until the task is cancelled.
    func run() async {
        var needs = needs.stream.makeAsyncIterator()
        while let isNeeded = await needs.next(isolation: #isolation) {
            guard isNeeded else { continue }
            let mirror = StoreMirror(store: store, prefix: LoadRecord.prefix, time: time)
            await withDiscardingTaskGroup { group in
                group.addTask { await mirror.run() }
                group.addTask { for await contents in mirror.updates { self.look(at: contents) } }
                group.addTask { [time] in
                    while (try? await time.sleep(until: time.now + Self.interval)) != nil {
                        self.look(at: mirror.contents)
                    }
                }
                while let isNeeded = await needs.next(isolation: #isolation), isNeeded {}
                group.cancelAll()
            }
        }
    }

    private func look(at contents: StoreMirror.Contents) {
        // What may be old says nothing.
        guard contents.staleSince == nil, let entries = contents.snapshot?.entries else { return }
        let decisions = state.withLock { state in
            state.read = entries.reduce(into: [:]) { read, entry in
                let known = state.read[entry.key].flatMap { $0.revision == entry.modified ? $0 : nil }
                read[entry.key] = known ?? LoadRecord.read(entry).map { ($0, entry.modified) }
            }
            return state.scaler.look(at: state.read, at: time.now)
        }
        for (name, decision) in decisions {
            logger.info(
                "Replicas follow the load",
                metadata: [
                    "model": "\(name)", "from": "\(decision.from)", "to": "\(decision.to)",
                    "reason": "\(decision.reason)",
                ])
        }
        if !decisions.isEmpty { changed() }
    }
}
