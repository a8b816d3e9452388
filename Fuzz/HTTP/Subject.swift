import Dispatch
import Logging
import MantaCore
import MantaGateway
import MantaGatewayTestKit
import MantaHTTP
import MantaServing
import Synchronization

/// The server that gets the inputs: the protocol's routes over one model of each of a few datatypes.
enum Subject {
    /// The models, each named after the datatype that it takes.
    static let models = [DataType.fp32, .int64, .bool, .bytes].map(\.rawValue)

    /// Starts it, and returns when its models are ready.
    ///
    /// - Returns: The server and its port.
    static func start() -> (server: HTTPServer, port: Int) {
        let started = Mutex<(HTTPServer, Int)?>(nil)
        let isReady = DispatchSemaphore(value: 0)
        let task = Task.detached {
            let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            let catalog = ModelCatalog(environment: .init(engine: EchoEngine(), logger: logger))
            catalog.apply(models.map(wanted))
            var routes = Routes()
            InferenceRoutes(try await DataPlane.test(over: catalog)).register(in: &routes)
            let server = HTTPServer(configuration: configuration, routes: routes, logger: logger)
            let port = try server.start().port
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await catalog.run() }
                for model in models { _ = try await catalog.deployment(model).settled(within: .seconds(30)) }
                started.withLock { $0 = (server, port) }
                isReady.signal()
                try await group.waitForAll()
            }
        }
        isReady.wait()
        _ = task
        guard let (server, port) = started.withLock({ $0 }) else { fatalError("the server doesn't start") }
        return (server, port)
    }

    private static func wanted(_ model: String) -> WantedDeployment {
        var configuration = DeploymentConfiguration(name: model)
        configuration.replicas = 1
        return WantedDeployment(
            configuration: configuration, versions: [VersionSpec(number: 1, path: model, hash: "")], scale: .pinned(1))
    }

    private static var configuration: HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.accessLog = false
        // Small enough for an input to go beyond them.
        configuration.limits.headerBytes = 2 << 10
        configuration.limits.bodyBytes = 16 << 10
        return configuration
    }
}
