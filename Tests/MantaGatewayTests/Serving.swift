import Logging
import MantaCore
import MantaGateway
import MantaGatewayTestKit
import MantaHTTP
import MantaServing
import MantaTelemetry
import MantaTestKit

/// A data plane over one model `m` of a fake engine in version 3, for as long as a test's body takes.
func withPlane<Result: Sendable>(
    over engine: FakeEngine, allowsModelControl: Bool = false, traces: TraceSettings? = nil,
    _ configure: (inout DeploymentConfiguration) -> Void = { _ in },
    body: @Sendable (DataPlane) async throws -> Result
) async throws -> Result {
    var configuration = DeploymentConfiguration(name: "m")
    configuration.replicas = 1
    configure(&configuration)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let catalog = ModelCatalog(environment: .init(engine: engine, logger: logger))
    catalog.apply([
        WantedDeployment(
            configuration: configuration, versions: [VersionSpec(number: 3, path: "", hash: "")], scale: .pinned(1))
    ])
    let plane = try await DataPlane.test(over: catalog, allowsModelControl: allowsModelControl, traces: traces)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await catalog.run() }
        _ = try await catalog.deployment("m").settled(within: .seconds(30))
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(plane))
        } catch {
            result = .failure(error)
        }
        catalog.stop()
        try await group.waitForAll()
        return try result.get()
    }
}

/// The routes of such a data plane, on a real socket.
@discardableResult
func withServer<Result: Sendable>(
    over engine: FakeEngine, allowsModelControl: Bool = false, traces: TraceSettings? = nil, forOperators: Bool = false,
    body: @escaping @Sendable (SocketClient) throws -> Result
) async throws -> Result {
    try await withPlane(over: engine, allowsModelControl: allowsModelControl, traces: traces) { plane in
        var routes = Routes()
        InferenceRoutes(plane, forOperators: forOperators).register(in: &routes)
        var http = HTTPServerConfiguration()
        http.accessLog = false
        let server = HTTPServer(
            configuration: http, routes: routes, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try server.start().port
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await onThread { try body(try SocketClient(port: port)) })
        } catch {
            result = .failure(error)
        }
        await server.drain()
        return try result.get()
    }
}

/// Gives back its inputs.
let echo = FakeEngine { inputs in inputs.compactMap(\.self) }
