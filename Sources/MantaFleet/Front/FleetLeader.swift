package import MantaServing
package import MantaStore
package import MantaTime
package import Logging
import Synchronization

/// Campaigns to lead the fleet and, while it does, writes down what is wanted and who is to host what.
package final class FleetLeader: Sendable {
    /// Makes of what is wanted what any node can load, keeps the objects that are named beside those as far as it has
    /// them, and says which objects this node has.
    package typealias Publish =
        @Sendable (_ wanted: [WantedDeployment], _ kept: Set<String>) async -> (
            records: [DeploymentRecord], objects: [String]
        )

    /// After a change more changes are waited for, so that they are decided together.
    private static let pause = Duration.milliseconds(20)
    /// As long as nothing happens, it looks again after so long: some things are due after a time.
    private static let interval = Duration.seconds(5)
    /// A worker is told of so many nodes that have an object.
    private static let holders = 4
    /// Bounds of a transaction, within those of the store.
    private static let transaction = (writes: 64, bytes: 512 << 10)

    private let store: any Store
    private let mirror: StoreMirror
    private let election: Election
    private let publish: Publish
    private let registration: NodeRegistration
    /// Starts and stops workers; `nil` where that is for others to do.
    private let nodes: NodeManager?
    private let load: LoadFollower
    private let time: any TimeSource
    private let logger: Logger
    /// What this node's files and operators want; `nil` until that is known.
    private let wanted = Mutex<[WantedDeployment]?>(nil)
    /// All that they ever wanted. What was never wanted here is for others to end: a node may have no models of its own.
    private let everWanted = Mutex<Set<String>>([])
    private let pokes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init(
        store: any Store, mirror: StoreMirror, keeper: LeaseKeeper, registration: NodeRegistration,
        nodes: NodeManager? = nil, logger: Logger, time: any TimeSource = MachineTime(), publish: @escaping Publish
    ) {
        (self.store, self.mirror, self.registration, self.logger, self.time) = (
            store, mirror, registration, logger, time
        )
        self.nodes = nodes
        self.publish = publish
        load = LoadFollower(store: store, logger: logger, time: time) { [pokes] in pokes.continuation.yield() }
        election = Election(
            store: store, key: FleetState.Key.leader, value: Array(registration.current.id.utf8), keeper: keeper,
            time: time)
    }

    /// The id of the node that leads; `nil` if none is known.
    package var leader: String? {
        switch election.role {
        case .leader: registration.current.id
        case .follower(let entry): entry.map { String(decoding: $0.value, as: UTF8.self) }
        }
    }

    /// This is wanted by this node's files and by operators.
    package func want(_ deployments: [WantedDeployment]) {
        wanted.withLock { $0 = deployments }
        everWanted.withLock { $0.formUnion(deployments.map(\.name)) }
        pokes.continuation.yield()
    }

    /// Campaigns and leads until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.election.run() }
            group.addTask { [mirror, pokes] in
                for await _ in mirror.updates { pokes.continuation.yield() }
            }
            group.addTask { [time, pokes] in
                while (try? await time.sleep(until: time.now + Self.interval)) != nil { pokes.continuation.yield() }
            }
            if let nodes { group.addTask { await nodes.run() } }
            group.addTask { [load] in await load.run() }
            group.addTask { [election, pokes] in
                for await _ in election.roles { pokes.continuation.yield() }
            }
            await lead()
            group.cancelAll()
        }
    }

    private func lead() async {
        var plan: (term: Int64, plan: FleetPlan)?
        var reader = FleetReader()
        for await _ in pokes.stream {
            // A follower has its objects ready for when it leads.
            let records = await publishWanted(over: reader.state(of: mirror.contents.snapshot?.entries ?? []))
            guard case .leader(let term) = election.role else {
                plan = nil
                nodes?.follow()
                load.reset()
                continue
            }
            if plan?.term != term {
                logger.info("Leads the fleet", metadata: ["term": "\(term)"])
                plan = (term, FleetPlan())
                load.reset()
            }
            // Not before its own election is in what it decides from.
            guard let snapshot = mirror.contents.snapshot, mirror.contents.staleSince == nil,
                snapshot.revision >= term, let records
            else { continue }
            var state = reader.state(of: snapshot.entries)
            guard state.unreadable.isEmpty else {
                logger.warning(
                    "Nothing is decided, since a newer version of Manta has written to the store",
                    metadata: ["keys": "\(state.unreadable.prefix(3).joined(separator: ", "))"])
                continue
            }
            let ended = everWanted.withLock { $0 }.subtracting(records.map(\.name))
            guard var present = plan?.plan else { continue }
            nodes?.cordon(&state)
            var result = present.result(
                wanted: load.counted(records, ended: ended, over: state), ended: ended, state: state, term: term,
                at: time.now)
            plan = (term, present)
            nodes?.decide(&result, fleet: state, at: time.now)
            await write(result, over: state, term: term)
            try? await time.sleep(until: time.now + Self.pause)
        }
    }

    private func publishWanted(over state: FleetState) async -> [DeploymentRecord]? {
        guard let wanted = wanted.withLock({ $0 }) else { return nil }
        let (records, objects) = await publish(wanted, state.objects)
        registration.has(objects, for: .published)
        return records
    }

    /// Who has which objects. This node may not have come to say what it has.
    private func holders(in state: FleetState) -> [String: [String]] {
        var state = state
        let own = registration.current
        state.nodes[own.id] = own
        return state.holders
    }

    /// Of all who have the objects of groups some, others for each worker that is told.
    private static func selection(
        of holders: [String: [String]], for groups: [GroupRecord], turn: Int
    ) -> [String: [String]]? {
        let objects = Set(groups.flatMap(\.files).map(\.object))
        let selection = holders.filter { objects.contains($0.key) }.mapValues { all in
            (0..<min(all.count, Self.holders)).map { all[(turn * Self.holders + $0) % all.count] }
        }
        return selection.isEmpty ? nil : selection
    }

    /// Writes what is different, if this node still leads and knows what it is to be in place of.
    private func write(_ result: FleetPlan.Result, over state: FleetState, term: Int64) async {
        var writes: [Transaction.Write] = []
        if result.nextReplica != state.nextReplica {
            writes.append(.put(FleetState.Key.nextReplica, result.nextReplica.stored))
        }
        for (name, record) in result.deployments.sorted(by: { $0.key < $1.key })
        where record != state.deployments[name] {
            writes.append(.put(FleetState.Key.deployments + name, record.stored))
        }
        for name in state.deployments.keys.sorted() where result.deployments[name] == nil {
            writes.append(.delete(FleetState.Key.deployments + name))
        }
        let changed = result.assignments.filter { state.assignments[$0.key]?.saysSame(as: $0.value) != true }
        let holders = changed.isEmpty ? [:] : holders(in: state)
        for (index, (node, record)) in changed.sorted(by: { $0.key < $1.key }).enumerated() {
            var record = record
            record.holders = Self.selection(of: holders, for: record.groups, turn: index)
            writes.append(.put(FleetState.Key.assignments + node, record.stored))
        }
        for node in state.assignments.keys.sorted() where result.assignments[node] == nil {
            writes.append(.delete(FleetState.Key.assignments + node))
        }
        var rest = writes[...]
        while !rest.isEmpty {
            var bytes = 0
            let fitting = rest.prefix(Self.transaction.writes).prefix { write in
                if case .put(let key, let value, _) = write { bytes += key.utf8.count + value.count }
                return bytes <= Self.transaction.bytes
            }
            let part = fitting.isEmpty ? rest.prefix(1) : fitting
            rest = rest.dropFirst(part.count)
            do throws(StoreError) {
                // What it wrote before may not have come back to it yet: it would decide the same again, and give a number
                // of a replica to another one.
                let unchanged = part.map { Transaction.Condition($0.key, at: state.revisions[$0.key] ?? 0) }
                let transaction = Transaction(
                    if: [.init(FleetState.Key.leader, at: term)] + unchanged, then: Array(part))
                guard try await store.commit(transaction).succeeded else { return }
            } catch {
                logger.warning("What was decided can't be written", metadata: ["reason": "\(error.message)"])
                return
            }
        }
    }
}
