import AsyncHTTPClient
import FoundationEssentials
package import Logging
import MantaConfig
import MantaCore
package import MantaRuntime
package import MantaServing
package import MantaStore
import MantaThreads
package import MantaTime
import NIOPosix

/// Hosts the replicas that are assigned to this node: gets their models, has them served, and tells how they are.
package actor WorkerNode {
    /// How often the state of replicas is looked at.
    private static let lookInterval = Duration.milliseconds(100)
    private static let firstPause = Duration.milliseconds(100)

    /// A group whose files are here.
    private struct Loaded {
        let deployment: WantedDeployment
        /// Keep its files.
        let pins: [ObjectPin]
    }

    private let store: any Store
    private let registration: NodeRegistration
    private let catalog: ModelCatalog
    private let fetcher: ObjectFetcher<SystemRandomNumberGenerator>
    private let client: HTTPClient
    /// Where the files of groups are put together.
    private let folder: String
    private let logger: Logger
    private let time: any TimeSource
    private var assigned = AssignmentRecord(term: 0, replicas: [], groups: [])
    /// That of the store when it was read last.
    private var revision: Int64 = 0
    private var loaded: [String: Loaded] = [:]
    private var faults: [String: String] = [:]
    private var fetching: [String: Task<Void, Never>] = [:]

    package init(
        store: any Store, registration: NodeRegistration, catalog: ModelCatalog, objects: ObjectStore, folder: String,
        token: String?, logger: Logger, time: any TimeSource = MachineTime()
    ) {
        (self.store, self.registration, self.catalog) = (store, registration, catalog)
        (self.folder, self.logger, self.time) = (folder, logger, time)
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        self.client = client
        fetcher = ObjectFetcher(into: objects, time: time, random: SystemRandomNumberGenerator()) { address in
            HTTPObjectSource(client: client, address: address, token: token)
        }
    }

    /// Follows what is assigned until the task is cancelled. What it hosts goes on serving after that.
    package func run() async {
        // From now on the node isn't starting any more, whatever it has to host.
        apply()
        let id = registration.current.id
        let key = FleetState.Key.assignments + id
        let mirror = StoreMirror(store: store, prefix: key)
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

    package func shutdown() async {
        for task in fetching.values { task.cancel() }
        try? await client.shutdown()
    }

    // MARK: - What is assigned

    private func take(_ record: AssignmentRecord) {
        // What a leader before the present one still says doesn't count.
        guard record.term >= assigned.term else { return }
        assigned = record
        let names = Set(record.groups.map(\.name))
        loaded = loaded.filter { names.contains($0.key) }
        faults = faults.filter { names.contains($0.key) }
        for (name, task) in fetching where !names.contains(name) {
            task.cancel()
            fetching[name] = nil
        }
        for group in record.groups where loaded[group.name] == nil && fetching[group.name] == nil {
            fetching[group.name] = Task { await self.fetch(group) }
        }
        apply()
    }

    private func apply() {
        let counts = Dictionary(assigned.replicas.map { ($0.group, 1) }, uniquingKeysWith: +)
        catalog.apply(
            loaded.sorted { $0.key < $1.key }.map { name, group in
                var deployment = group.deployment
                deployment.scale = .pinned(counts[name] ?? 0)
                return deployment
            })
        let objects = Set(loaded.values.flatMap(\.pins).map(\.id.description)).sorted()
        registration.update { $0.objects = objects }
        tell()
    }

    /// Brings the files of a group here, however often that has to be tried.
    private func fetch(_ group: GroupRecord) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            do {
                let group = try await files(of: group)
                guard !Task.isCancelled, fetching[group.deployment.name] != nil else { return }
                loaded[group.deployment.name] = group
                faults[group.deployment.name] = nil
                fetching[group.deployment.name] = nil
                return apply()
            } catch {
                // At first those who have the files may not have said so yet.
                if pause > Self.firstPause {
                    faults[group.name] = "\(error)"
                    logger.warning(
                        "A model can't be fetched", metadata: ["group": "\(group.name)", "reason": "\(error)"])
                }
                try? await time.sleep(until: time.now + pause)
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    private func files(of group: GroupRecord) async throws -> Loaded {
        let state = FleetState(try await store.list(prefix: FleetState.Key.nodes).entries)
        let holders = state.nodes.values.map { ($0.address, $0.objects) }
        await fetcher.update { directory in
            for (address, objects) in holders {
                for object in objects.compactMap({ ObjectID($0) }) { directory.set(.whole, of: object, at: address) }
            }
        }
        guard group.name.wholeMatch(of: /[^\/]+@[0-9]+-[0-9a-f]{12}/) != nil else {
            throw ObjectError(.invalid, "\"\(group.name)\" isn't the name of a group")
        }
        var pins: [ObjectPin] = []
        for file in group.files {
            guard let id = ObjectID(file.object) else {
                throw ObjectError(.invalid, "\(file.path): \"\(file.object)\" isn't the name of an object")
            }
            pins.append(try await fetcher.fetch(id, byteCount: file.byteCount).pin)
        }
        let folder = "\(folder)/\(group.name.pathSegment)"
        try await Thread.run(name: "groups") { [pins] in
            let files = FileManager.default
            try? files.removeItem(atPath: folder)
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (file, pin) in zip(group.files, pins) {
                let name = file.path.split(separator: "/").last.map(String.init) ?? "model"
                try files.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: pin.path)
            }
        }
        let configuration = try DeploymentConfiguration(yaml: group.yaml, file: "configuration", name: group.name)
        let model = group.model.split(separator: "/").last.map(String.init) ?? ""
        return Loaded(
            deployment: WantedDeployment(
                configuration: configuration, source: .init(.admin),
                versions: [VersionSpec(number: 1, path: "\(folder)/\(model)", hash: group.name)], scale: .pinned(0)),
            pins: pins)
    }

    // MARK: - What became of it

    private func tell() {
        var replicas: [NodeRecord.Replica] = []
        for (name, assigned) in Dictionary(grouping: assigned.replicas, by: \.group).sorted(by: { $0.key < $1.key }) {
            let snapshot = try? catalog.deployment(name).snapshot
            let ready =
                snapshot?.controller.instances.values.filter { $0.phase == .serving }
                .map(\.readyCount).max() ?? 0
            let reason = snapshot?.reason ?? faults[name]
            for (index, replica) in assigned.sorted(by: { $0.id < $1.id }).enumerated() {
                replicas.append(
                    .init(
                        id: replica.id, group: name, isReady: index < ready, reason: index < ready ? nil : reason))
            }
        }
        registration.update { $0.replicas = replicas }
    }
}
