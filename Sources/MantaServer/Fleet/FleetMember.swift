import FoundationEssentials
import Logging
import MantaConfig
import MantaController
import MantaEtcd
import MantaFleet
import MantaHTTP
import MantaRuntime
import MantaServing
import MantaStore
import ServiceLifecycle

/// A process's part in a fleet: its store, its record there, and what it does for the others.
final class FleetMember: Sendable {
    /// The most bytes of models that a node keeps for others and for itself.
    private static let objectLimit = 32 << 30

    let store: EtcdStore
    let objects: ObjectStore
    private let keeper: LeaseKeeper
    private let registration: NodeRegistration
    private let duties: Duties
    /// What it hosts replicas with; `nil` for a front that hosts none.
    private let hosting: Hosting?
    /// What tells that a worker isn't needed any more, where a front of this machine started it.
    private let parent: ParentInput?
    /// The workers that this front starts and stops.
    private let nodes: FleetNodes?

    /// What it does.
    private enum Duties: Sendable {
        case front(StoreMirror, FleetFront, FleetLeader, LoadReporter)
        case worker
    }

    private struct Hosting: Sendable {
        let node: WorkerNode
        let host: CatalogHost
        let drainTimeout: Duration
    }

    /// Takes part in a fleet. Nothing is said to the others before its services run.
    ///
    /// - Parameters:
    ///   - configuration: How.
    ///   - folder: Where it keeps what it has to keep.
    ///   - token: What nodes show each other.
    ///   - cpus: Those that the process may use.
    ///   - catalog: What a front serves to clients; nothing of a worker.
    ///   - hosted: Its own replicas.
    ///   - logger: Takes what operators should know.
    /// - Throws: `StoreError` or `ObjectError`, whose message names what is wrong with the settings or the disk.
    init(
        _ configuration: FleetConfiguration, folder: String, token: String?, cpus: Int, catalog: ModelCatalog,
        hosted: ModelCatalog?, logger: Logger
    ) async throws {
        store = try EtcdStore(EtcdSettings(configuration))
        objects = try await ObjectStore.open(folder + "/objects", limit: Self.objectLimit)
        keeper = LeaseKeeper(store: store, timeToLive: .seconds(10))
        let id = "\(ProcessInfo.processInfo.hostName)-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let own = configuration.hosting ?? (configuration.role == .worker ? .init() : nil)
        parent = own?.isLocal == true ? ParentInput() : nil
        registration = NodeRegistration(
            NodeRecord(
                id: id, kind: configuration.role == .front ? .front : .worker,
                capacity: .init(own.map { Resources($0, cpus: cpus) } ?? Resources()), labels: own?.labels ?? [:]),
            store: store, keeper: keeper)
        if let own, let hosted {
            let host = CatalogHost(catalog: hosted, objects: objects, folder: folder + "/groups", token: token)
            hosting = Hosting(
                node: WorkerNode(store: store, registration: registration, host: host, logger: logger), host: host,
                drainTimeout: own.drainTimeout)
        } else {
            hosting = nil
        }
        switch configuration.role {
        case .front:
            let mirror = StoreMirror(
                store: store, prefix: FleetState.prefix, file: SnapshotFile(path: folder + "/fleet.snapshot"))
            let nodes = try await FleetNodes(configuration.nodes, owner: id, folder: folder, cpus: cpus, logger: logger)
            self.nodes = nodes
            let publisher = GroupPublisher(objects)
            let leader = FleetLeader(
                store: store, mirror: mirror, keeper: keeper, registration: registration, nodes: nodes.manager,
                logger: logger
            ) { await publisher.publish($0, keeping: $1) }
            duties = .front(
                mirror, FleetFront(mirror: mirror, catalog: catalog, registration: registration), leader,
                LoadReporter(node: id, catalog: catalog, store: store, keeper: keeper))
        case .worker:
            (nodes, duties) = (nil, .worker)
        }
    }

    /// Where what operators ask for is kept; `nil` for a worker, of which operators ask nothing.
    var operatorStore: (any Store)? {
        if case .front = duties { store } else { nil }
    }

    /// This is wanted by the node's files and by operators.
    func want(_ deployments: [WantedDeployment]) {
        if case .front(_, _, let leader, _) = duties { leader.want(deployments) }
    }

    /// What is known of the fleet, where this is a front.
    var view: FleetView? {
        guard case .front(_, let front, let leader, _) = duties else { return nil }
        return front.view(node: registration.current.id, leader: leader.leader)
    }

    /// Others reach it at this address from now on.
    func listens(at address: String) {
        registration.update { $0.address = address }
    }

    /// Has the controller look whenever an operator has changed something at another front.
    func operatorChanges(for controller: Controller) -> any Service {
        OperatorChangesService(
            mirror: StoreMirror(store: store, prefix: Controller.changesPrefix), controller: controller)
    }

    private struct OperatorChangesService: Service {
        let mirror: StoreMirror
        let controller: Controller

        func run() async throws {
            await cancelWhenGracefulShutdown {
                await withDiscardingTaskGroup { group in
                    group.addTask { await mirror.run() }
                    for await contents in mirror.updates where contents.staleSince == nil { await controller.look() }
                }
            }
        }
    }

    /// Looks after the workers that this front has started, where it has. They outlive the requests that they are needed
    /// for.
    var workers: (any Service)? { nodes?.local.map { Workers(workers: $0, member: self) } }

    private struct Workers: Service {
        let workers: LocalWorkers
        let member: FleetMember

        func run() async throws {
            await withGracefulShutdownHandler {
                await workers.run {
                    member.view?.state.nodes.values.contains { $0.kind == .front && $0.id != member.id } ?? false
                }
            } onGracefulShutdown: {
                workers.stop()
            }
        }
    }

    private var id: String { registration.current.id }

    /// Outlives everything that needs the store.
    var membership: any Service { Membership(member: self) }

    /// Ends before the listeners do: a node's replicas are replaced elsewhere first.
    var duty: any Service { Duty(member: self) }

    private struct Membership: Service {
        let member: FleetMember

        func run() async throws {
            await cancelWhenGracefulShutdown {
                await withDiscardingTaskGroup { group in
                    group.addTask { await member.registration.run() }
                    await member.keeper.run()
                    group.cancelAll()
                }
            }
            await member.hosting?.node.shutdown()
            await member.hosting?.host.shutdown()
            await member.nodes?.kubernetes?.shutdown()
            await member.store.close()
            await member.objects.close()
        }
    }

    private struct Duty: Service {
        let member: FleetMember

        func run() async throws {
            await withDiscardingTaskGroup { group in
                if case .front(let mirror, let front, let leader, let reporter) = member.duties {
                    group.addTask { await mirror.run() }
                    group.addTask { await front.run() }
                    group.addTask { await leader.run() }
                    group.addTask { await reporter.run() }
                }
                if let hosting = member.hosting { group.addTask { await hosting.node.run() } }
                member.parent?.watch()
                try? await gracefulShutdown()
                await member.drain()
                group.cancelAll()
            }
        }
    }

    /// Has what it hosts replaced elsewhere, unless it is known that nobody else hosts anything.
    private func drain() async {
        guard let hosting, hasSuccessors else { return }
        await withTaskGroup(of: Void.self) { ends in
            ends.addTask { await hosting.node.drain(within: hosting.drainTimeout) }
            if let parent { ends.addTask { await parent.end() } }
            await ends.next()
            ends.cancelAll()
        }
    }

    /// Whether somebody may take its replicas. A worker doesn't know the others.
    private var hasSuccessors: Bool {
        guard let view else { return true }
        return view.state.nodes.values.contains { $0.isHost && !$0.isDraining && $0.id != view.node }
    }
}

extension EtcdSettings {
    fileprivate init(_ fleet: FleetConfiguration) throws {
        self.init(endpoints: fleet.endpoints)
        prefix = fleet.prefix
        tls = TLS(trustRoots: fleet.trustRoots, certificate: fleet.certificate?.file, key: fleet.certificate?.key)
        if let user = fleet.user {
            let password = try String(contentsOfFile: user.passwordFile, encoding: .utf8)
            self.user = User(name: user.name, password: password.trimmingWhitespace)
        }
    }
}

extension String {
    private static var spaces: Set<Character> { [" ", "\n", "\r", "\t", "\r\n"] }

    fileprivate var trimmingWhitespace: String {
        String(drop { Self.spaces.contains($0) }.reversed().drop { Self.spaces.contains($0) }.reversed())
    }
}

extension Resources {
    fileprivate init(_ hosting: FleetConfiguration.Hosting, cpus: Int) {
        self.init(
            cpus: hosting.cpus.flatMap { Amount($0) } ?? Amount(cpus), memory: hosting.memory ?? 0,
            gpus: Amount(hosting.gpus) ?? .zero, custom: hosting.resources.compactMapValues { Amount($0) })
    }
}
