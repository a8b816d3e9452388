public import Logging
public import MantaConfig
public import MantaTelemetry
import CoreMetrics
import FoundationEssentials
import MantaAdmin
import MantaController
import MantaFleet
import MantaCore
import MantaGRPC
import MantaGateway
import MantaHTTP
import MantaONNX
import MantaRemote
import MantaServing
import MantaSharedMemory
import MantaStore
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#endif

/// One Manta process: every part, put together.
///
/// Listeners open first, so that a port in use is known at once and probes are answered while models load. A request
/// for a model that still loads is told so.
public struct Manta: Sendable {
    /// Manta's own version.
    public static let version = "0.1.0"

    private let logger: Logger
    private let logFilter: LogFilter
    private let configuration: ServerConfiguration

    /// A process with this configuration.
    ///
    /// - Parameters:
    ///   - configuration: How it is set up.
    ///   - logger: Takes what operators should know.
    ///   - logFilter: What the logger goes by, which operators may change while it runs.
    public init(configuration: ServerConfiguration, logger: Logger, logFilter: LogFilter) {
        self.configuration = configuration
        self.logger = logger
        self.logFilter = logFilter
    }

    /// Serves until SIGTERM or SIGINT, then stops: no new connections, accepted requests answered, engines closed.
    ///
    /// - Throws: `HTTPServerError` if a listener can't be opened, `StoreError` if what operators asked for can't be read,
    ///   ``ServingError`` if there is no engine.
    public func run() async throws {
        OpenFiles.raiseLimit()
        // A log whose reader has gone is an error of a write, not the end of the server.
        _ = signal(SIGPIPE, SIG_IGN)
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        let cpus = CPUQuota.available()
        let events = EventLog(logger: logger)
        let scratch = FileManager.default.temporaryDirectory.path + "/manta-\(UUID().uuidString)"
        defer { if configuration.stateFolder == nil { try? FileManager.default.removeItem(atPath: scratch) } }
        let folder =
            configuration.stateFolder.map {
                $0.hasPrefix("/") ? $0 : FileManager.default.currentDirectoryPath + "/" + $0
            } ?? scratch
        let control = configuration.control(cpus: cpus, uploads: folder + "/uploads")
        let engine = try ONNXRuntimeEngine(libraryPath: configuration.engineLibrary)
        let tokenFile = configuration.fleet?.tokenFile
        let token = try tokenFile.map { try TokenSet.firstToken(in: $0) }
        let remotes = RemoteClient(token: token)
        // In a fleet, what is to outlive the process is in the fleet's store.
        let store = try await EmbeddedStore.open(path: configuration.fleet == nil ? configuration.storePath : nil)
        var environment = Deployment.Environment(engine: engine, remotes: remotes, logger: logger, cpus: cpus) {
            deployment, note in
            events.record(
                note.kind, note.message, deployment: deployment, version: note.version, severity: note.severity)
        }
        var (hosted, models): (ModelCatalog?, NodeModels?)
        if let fleet = configuration.fleet, fleet.role == .front, fleet.hosting != nil {
            // What a front hosts is none of the models that its clients know. Those have counted what this would.
            var environment = environment
            environment.metrics = NOOPMetricsHandler.instance
            let catalog = ModelCatalog(environment: environment)
            (hosted, models) = (catalog, NodeModels(hosted: catalog, others: remotes))
        }
        if let models { environment.remotes = models }
        let catalog = ModelCatalog(environment: environment)
        var member: FleetMember?
        if let fleet = configuration.fleet {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            member = try await FleetMember(
                fleet, folder: folder, token: token, cpus: cpus, catalog: catalog, hosted: hosted ?? catalog,
                logger: logger)
        }
        let controller = Controller(
            configuration: control, store: member?.operatorStore ?? store, events: events
        ) { [member] wanted, retry in
            if let member { member.want(wanted) } else { catalog.apply(wanted, retry: retry) }
        }
        for (name, help) in MetricHelp.texts { registry.describe(name, help) }
        ServingSamples(catalog: catalog).register(in: registry)
        let traces = try configuration.traceFile.map { try TraceLog(path: $0, logger: logger) }
        registry.collect { [Sample("manta_traces_dropped_total", .counter, value: Double(traces?.dropped ?? 0))] }

        let allowsControl = configuration.allowsModelControl
        let plane = DataPlane(
            catalog: catalog, controller: controller, memory: configuration.allowsSharedMemory ? SharedMemory() : nil,
            traces: TraceSettings(catalog: catalog, log: traces, allowsClients: allowsControl),
            logs: LogSettings(filter: logFilter, allowsClients: allowsControl), allowsModelControl: allowsControl,
            version: Self.version)
        let files = ReloadableFiles()
        let context = AdminContext(
            plane: plane, controller: controller, events: events, registry: registry, cpus: cpus,
            store: member?.operatorStore != nil ? .etcd : configuration.storePath.map { .file($0) } ?? .memory,
            fleet: { [member] in member?.view }, reload: files.reload)
        let admin = HTTPServer(
            configuration: configuration.admin, routes: context.adminRoutes, logger: logger)
        var routes = context.inferenceRoutes
        if let member {
            let tokens = try tokenFile.map { try TokenSet(file: $0) }
            ObjectRoutes(member.objects, tokens: tokens).register(in: &routes)
            if let hosted { ReplicaRoutes(plane, replicas: hosted, tokens: tokens).register(in: &routes) }
        }
        let inference = HTTPServer(configuration: configuration.http, routes: routes, logger: logger)
        let grpc = GRPCListener(configuration: configuration.grpc, plane: plane, logger: logger)
        files.add { () throws(HTTPServerError) in try await inference.reload() }
        files.add { () throws(HTTPServerError) in try await grpc.reload() }
        files.add { () throws(HTTPServerError) in try await admin.reload() }
        let addresses = (inference: try inference.start(), grpc: try grpc.start(), admin: try admin.start())
        logger.info(
            "Manta serves",
            metadata: [
                "http": "\(addresses.inference)", "grpc": "\(addresses.grpc?.description ?? "off")",
                "admin": "\(addresses.admin)", "version": "\(Self.version)",
            ])
        let scheme = configuration.http.tls == nil ? "http" : "https"
        let reached = configuration.fleet?.address(port: addresses.inference.port) ?? addresses.inference.description
        models?.listens(at: "\(scheme)://\(reached)")
        member?.listens(at: "\(scheme)://\(reached)")
        await controller.look()

        // Stopped from last to first: probes are told first, and requests end before the models that they need.
        let group = ServiceGroup(
            configuration: .init(
                services: [member?.workers, member?.membership].compactMap(\.self) + [
                    StoreService(store: store), TraceService(log: traces),
                ] + [hosted].compactMap(\.self) + [
                    catalog, controller, admin,
                    InferenceListeners(http: inference, grpc: grpc), ReloadSignal(context: context),
                    Farewell(catalog: catalog),
                ] + [member?.operatorChanges(for: controller), member?.duty].compactMap(\.self),
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
        try await remotes.shutdown()
        logger.info("Manta has stopped")
    }
}

extension ServerConfiguration {
    fileprivate var storePath: String? { stateFolder.map { $0 + "/manta.db" } }

    fileprivate func control(cpus: Int, uploads: String) -> Controller.Configuration {
        var control = Controller.Configuration()
        control.uploads = uploads
        (control.repositories, control.modelFiles, control.cpus) = (repositories, modelFiles, cpus)
        // In a fleet, nodes know models by their hashes.
        control.hashesLater = fleet == nil
        return control
    }
}

/// The store, from which nobody reads or writes once it ends.
private struct StoreService: Service {
    let store: EmbeddedStore

    func run() async throws {
        await cancelWhenGracefulShutdown { await store.run() }
        await store.close()
    }
}

/// The traces, of which the last are written once no more requests come.
private struct TraceService: Service {
    let log: TraceLog?

    func run() async throws {
        guard let log else { return try await gracefulShutdown() }
        await withGracefulShutdownHandler {
            await log.run()
        } onGracefulShutdown: {
            log.finish()
        }
    }
}

/// The listeners for inference, which stop at the same time.
private struct InferenceListeners: Service {
    let http: HTTPServer
    let grpc: GRPCListener

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { listeners in
            listeners.addTask { try await http.run() }
            listeners.addTask { try await grpc.run() }
            try await listeners.waitForAll()
        }
    }
}

/// Tells probes that the server stops, before it does.
private struct Farewell: Service {
    let catalog: ModelCatalog

    func run() async throws {
        try? await gracefulShutdown()
        catalog.leave()
    }
}

/// SIGHUP: reads everything again that may have changed.
private struct ReloadSignal: Service {
    let context: AdminContext

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await context.reloadEverything() }
        }
    }
}
