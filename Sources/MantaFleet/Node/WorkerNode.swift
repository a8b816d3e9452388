import FoundationEssentials
package import Logging
package import MantaStore
package import MantaTime

/// Hosts the replicas that are assigned to this node: gets their models, has them served, and tells how they are.
package actor WorkerNode {
    /// How often the state of replicas is looked at.
    private static let lookInterval = Duration.milliseconds(100)
    private static let firstPause = Duration.milliseconds(100)

    private let store: any Store
    private let registration: NodeRegistration
    private let host: any ReplicaHost
    private let logger: Logger
    private let time: any TimeSource
    private var assigned = AssignmentRecord(term: 0, replicas: [], groups: [])
    /// That of the store when it was read last.
    private var revision: Int64 = 0
    /// Groups whose files are here.
    private var prepared: Set<String> = []
    private var faults: [String: String] = [:]
    private var listing: Task<[String: [String]], any Error>?
    private var fetching: [String: Task<Void, Never>] = [:]

    package init(
        store: any Store, registration: NodeRegistration, host: any ReplicaHost, logger: Logger,
        time: any TimeSource = MachineTime()
    ) {
        (self.store, self.registration, self.host) = (store, registration, host)
        (self.logger, self.time) = (logger, time)
    }

    /// Follows what is assigned until the task is cancelled. What it hosts goes on serving after that.
    package func run() async {
        // From now on the node isn't starting any more, whatever it has to host.
        apply()
        let id = registration.current.id
        let key = FleetState.Key.assignments + id
        let mirror = StoreMirror(store: store, prefix: key, time: time)
        await withDiscardingTaskGroup { group in
            group.addTask { await mirror.run() }
            group.addTask {
                while (try? await self.time.sleep(until: self.time.now + Self.lookInterval)) != nil {
                    await self.tell()
                }
            }
            for await contents in mirror.updates {
                guard let snapshot = contents.snapshot else { continue }
                // The store was made anew, or an older copy of it was brought back: terms begin anew too.
                if snapshot.revision < revision { assigned.term = 0 }
                revision = snapshot.revision
                // A leader says so when there is nothing to host. What isn't there, or can't be read, says nothing.
                let entry = snapshot.entries.first { $0.key == key }
                let record = entry.flatMap { try? JSONDecoder().decode(AssignmentRecord.self, from: Data($0.value)) }
                if let record { take(record) }
            }
            group.cancelAll()
        }
    }

    /// Takes no more replicas, and waits until those it has were replaced elsewhere, or the time is over.
    package func drain(within limit: Duration) async {
        registration.update { $0.isDraining = true }
        let end = time.now + limit
        while !assigned.replicas.isEmpty, time.now < end {
            guard (try? await time.sleep(until: time.now + .milliseconds(50))) != nil else { return }
        }
    }

    /// Fetches nothing more.
    package func shutdown() async {
        let tasks = fetching.values
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    // MARK: - What is assigned

    private func take(_ record: AssignmentRecord) {
        // What a leader before the present one still says doesn't count.
        guard record.term >= assigned.term else { return }
        assigned = record
        let names = Set(record.groups.map(\.name))
        prepared.formIntersection(names)
        faults = faults.filter { names.contains($0.key) }
        for (name, task) in fetching where !names.contains(name) {
            task.cancel()
            fetching[name] = nil
        }
        for group in record.groups where !prepared.contains(group.name) && fetching[group.name] == nil {
            fetching[group.name] = Task { await self.fetch(group) }
        }
        apply()
    }

    private func apply() {
        let counts = Dictionary(assigned.replicas.map { ($0.group, 1) }, uniquingKeysWith: +)
        // Those too that are being fetched: the host may have one already that this actor is yet to be told of.
        host.host(Dictionary(assigned.groups.map { ($0.name, counts[$0.name] ?? 0) }, uniquingKeysWith: { $1 }))
        registration.has(host.objects, for: .hosted)
        tell()
    }

    /// Brings the files of a group here, however often that has to be tried.
    private func fetch(_ group: GroupRecord) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            do {
                // Whom the leader named may be gone by now: then all that there are.
                let isKnown = group.files.allSatisfy { assigned.holders?[$0.object]?.isEmpty == false }
                let holders =
                    isKnown && pause == Self.firstPause ? assigned.holders ?? [:] : try await self.holders()
                try await host.prepare(group, from: holders)
                guard !Task.isCancelled else { return }
                prepared.insert(group.name)
                faults[group.name] = nil
                fetching[group.name] = nil
                return apply()
            } catch {
                // At first those who have the files may not have said so yet.
                if pause > Self.firstPause, !Task.isCancelled {
                    faults[group.name] = "\(error)"
                    logger.warning(
                        "A model can't be fetched", metadata: ["group": "\(group.name)", "reason": "\(error)"])
                }
                try? await time.sleep(until: time.now + pause)
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    /// Who has which objects, of all nodes that the store knows. Those who ask at the same time share an answer: in a large
    /// fleet it is long.
    private func holders() async throws -> [String: [String]] {
        if let listing { return try await listing.value }
        let task = Task { [store] in
            FleetState(try await store.list(prefix: FleetState.Key.nodes).entries).holders
        }
        listing = task
        defer { listing = nil }
        return try await task.value
    }

    // MARK: - What became of it

    private func tell() {
        var replicas: [NodeRecord.Replica] = []
        for (name, assigned) in Dictionary(grouping: assigned.replicas, by: \.group).sorted(by: { $0.key < $1.key }) {
            let (ready, obstacle) = host.readiness(of: name)
            let reason = obstacle ?? faults[name]
            for (index, replica) in assigned.sorted(by: { $0.id < $1.id }).enumerated() {
                replicas.append(
                    .init(
                        id: replica.id, group: name, isReady: index < ready, reason: index < ready ? nil : reason))
            }
        }
        registration.update { $0.replicas = replicas }
    }
}
