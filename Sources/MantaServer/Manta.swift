public import Logging
public import MantaConfig
import CoreMetrics
import MantaCore
import MantaGateway
import MantaHTTP
import MantaONNX
import MantaServing
import MantaTelemetry
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
    private let configuration: ServerConfiguration
    private let deployments: [DeploymentSource]

    /// A process with this configuration, serving these deployments.
    public init(configuration: ServerConfiguration, deployments: [DeploymentSource], logger: Logger) {
        self.configuration = configuration
        self.deployments = deployments
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT, then stops: no new connections, accepted requests answered, engines closed.
    ///
    /// - Throws: `HTTPServerError` if a listener can't be opened, ``ServingError`` if there is no engine.
    public func run() async throws {
        OpenFiles.raiseLimit()
        // A log whose reader has gone is an error of a write, not the end of the server.
        _ = signal(SIGPIPE, SIG_IGN)
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        let engine = try ONNXRuntimeEngine(libraryPath: configuration.engineLibrary)
        let catalog = ModelCatalog(deployments.map { deployment(of: $0, engine: engine) })
        describe(catalog, in: registry)

        let admin = HTTPServer(
            configuration: configuration.admin, routes: adminRoutes(catalog, registry), logger: logger)
        let inference = HTTPServer(
            configuration: configuration.http, routes: inferenceRoutes(catalog), logger: logger)
        let addresses = (inference: try inference.start(), admin: try admin.start())
        logger.info(
            "Manta serves",
            metadata: ["http": "\(addresses.inference)", "admin": "\(addresses.admin)", "version": "\(Self.version)"])

        // Stopped from last to first: probes are told first, and requests end before the models that they need.
        let group = ServiceGroup(
            configuration: .init(
                services: [catalog, admin, inference, Farewell(catalog: catalog)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
        logger.info("Manta has stopped")
    }

    private func inferenceRoutes(_ catalog: ModelCatalog) -> Routes {
        var routes = Routes()
        InferenceRoutes(catalog: catalog, version: Self.version).register(in: &routes)
        return routes
    }

    private func adminRoutes(_ catalog: ModelCatalog, _ registry: PrometheusRegistry) -> Routes {
        var routes = Routes()
        HealthRoutes(catalog: catalog).register(in: &routes)
        AdminRoutes(catalog: catalog, registry: registry).register(in: &routes)
        return routes
    }

    private func deployment(of source: DeploymentSource, engine: any Engine) -> Deployment {
        let cpus = CPUQuota.available()
        for fault in source.faults { logger.warning("Model is incomplete", metadata: ["reason": "\(fault)"]) }
        let selected = source.selected
        guard !selected.isEmpty else {
            return Deployment(name: source.configuration.name, fault: ServingError(.modelUnavailable, source.vacancy))
        }
        let versions = selected.compactMap { number in
            source.versions[number].map { path in
                ServedVersion(
                    ModelID(name: source.configuration.name, version: number), path: path,
                    configuration: source.configuration, cpus: cpus, engine: engine, logger: logger)
            }
        }
        return Deployment(configuration: source.configuration, versions: versions)
    }

    private func describe(_ catalog: ModelCatalog, in registry: PrometheusRegistry) {
        for (name, help) in Self.help { registry.describe(name, help) }
        registry.collect { ProcessSamples.read() }
        registry.collect {
            catalog.all.flatMap(\.versions).flatMap { version -> [Sample] in
                let labels = [("model", version.id.name), ("version", String(version.id.version))]
                let isReady = version.state.isReady
                return [
                    Sample("manta_queue_requests", labels: labels, value: Double(version.queueDepth)),
                    Sample("manta_model_ready", labels: labels, value: isReady ? 1 : 0),
                    Sample("manta_replicas", labels: labels, value: isReady ? Double(version.replicaCount) : 0),
                ]
            }
        }
    }

    private static let help = [
        "manta_http_requests_total": "Replies by listener and status, probes included.",
        "manta_requests_total": "Inference requests by model, version and outcome.",
        "manta_request_duration_seconds": "From a request's arrival until its reply was encoded.",
        "manta_queue_duration_seconds": "From admission until a batch took the request.",
        "manta_run_duration_seconds": "The engine's run of one batch.",
        "manta_batch_rows": "Rows of one batch.",
        "manta_queue_requests": "Requests that wait for a replica.",
        "manta_model_ready": "1 if the version takes requests.",
        "manta_replicas": "Replicas that take batches.",
        "process_resident_memory_bytes": "Memory in use.",
        "process_cpu_seconds_total": "CPU time used.",
        "process_open_fds": "Open files and sockets.",
    ]
}

/// Tells probes that the server stops, before it does.
private struct Farewell: Service {
    let catalog: ModelCatalog

    func run() async throws {
        try? await gracefulShutdown()
        catalog.leave()
    }
}
