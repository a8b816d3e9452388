import Logging
import MantaConfig
import MantaFleet
import MantaRuntime
import MantaServing
import MantaStore
import MantaTime

/// A front of the world: the shipped one, whole. Unchecked Sendable: see ``EventLoop``.
final class SimulatedFront: @unchecked Sendable {
    let process: SimulatedProcess
    let store: SimulatedStore
    let catalog: ModelCatalog
    let leader: FleetLeader
    private let publications: Publications
    private var requests: [Int: Task<Void, Never>] = [:]
    private var hasBeenReady = false

    init(_ name: String, disk: SimulatedDisk, in world: World) {
        process = SimulatedProcess(name: name)
        publications = Publications(disk)
        store = SimulatedStore(process, etcd: world.etcd, network: world.network)
        let catalog = ModelCatalog(
            environment: .init(
                engine: NoEngine(), remotes: SimulatedRemotes(process, in: world), logger: world.logger,
                time: process,
                report: { [process] name, note in
                    process.loop.chronicle.write("\(process.name): \(name): \(note.message)", at: process.loop.now)
                }))
        self.catalog = catalog
        let keeper = LeaseKeeper(store: store, timeToLive: .seconds(10), time: process)
        var record = NodeRecord(id: name, kind: .front, capacity: .init(Resources()))
        record.address = process.address
        let registration = NodeRegistration(record, store: store, keeper: keeper, time: process)
        let mirror = StoreMirror(store: store, prefix: FleetState.prefix, file: disk, time: process)
        let front = FleetFront(mirror: mirror, catalog: catalog, registration: registration, time: process)
        let leader = FleetLeader(
            store: store, mirror: mirror, keeper: keeper, registration: registration, logger: world.logger,
            time: process
        ) { [publications] in publications.publish($0, keeping: $1) }
        self.leader = leader
        let reporter = LoadReporter(node: name, catalog: catalog, store: store, keeper: keeper, time: process)
        process.start {
            await withDiscardingTaskGroup { group in
                group.addTask { try? await catalog.run() }
                group.addTask { await registration.run() }
                group.addTask { await mirror.run() }
                group.addTask { await front.run() }
                group.addTask { await leader.run() }
                group.addTask { await reporter.run() }
                await keeper.run()
                group.cancelAll()
            }
        }
    }

    /// Whether it says that it should get requests. Once it does, it does as long as it lives.
    var isReady: Bool {
        if !hasBeenReady { hasBeenReady = catalog.unreadiness == nil }
        return hasBeenReady
    }

    /// The objects that it has for workers.
    var objects: [String] { publications.objects }

    /// Has a request come in.
    func receive(_ number: Int, _ body: @escaping @Sendable () async -> Void) {
        requests[number] = Task {
            await body()
            self.requests[number] = nil
        }
    }

    /// The client of a request is gone.
    func hangUp(_ number: Int) { requests[number]?.cancel() }

    /// SIGKILL.
    func kill() {
        process.kill()
        catalog.stop()
        for (_, request) in requests.sorted(by: { $0.key < $1.key }) { request.cancel() }
    }
}

/// What a front publishes: the models of the world have one file each, named by what it says. Unchecked Sendable: see
/// ``EventLoop``.
final class Publications: @unchecked Sendable {
    private(set) var objects: [String] = []
    private let disk: SimulatedDisk
    private var yamls: [DeploymentConfiguration: String] = [:]

    init(_ disk: SimulatedDisk) { self.disk = disk }

    func publish(
        _ wanted: [WantedDeployment], keeping kept: Set<String>
    ) -> (records: [DeploymentRecord], objects: [String]) {
        var objects: Set<String> = []
        let records = wanted.map { wanted in
            let groups = wanted.versions.map { spec in
                let file = GroupRecord.File(
                    path: "model", object: ObjectID(of: spec.path.utf8).description, byteCount: 1 << 20)
                objects.insert(file.object)
                let model = spec.path.split(separator: "/").last.map(String.init) ?? ""
                return GroupRecord(
                    deployment: wanted.name, version: spec.number, model: model, files: [file], yaml: "")
            }
            let count: Int? = if case .pinned(let count) = wanted.scale { count } else { nil }
            return DeploymentRecord(
                name: wanted.name, yaml: yaml(of: wanted.configuration), replicas: count,
                scaling: wanted.scalingInFleet,
                versions: groups)
        }
        disk.objects.formUnion(objects)
        self.objects = objects.union(kept.intersection(disk.objects)).sorted()
        return (records, self.objects)
    }

    private func yaml(of configuration: DeploymentConfiguration) -> String {
        if let yaml = yamls[configuration] { return yaml }
        let yaml = configuration.yaml()
        yamls[configuration] = yaml
        return yaml
    }
}
