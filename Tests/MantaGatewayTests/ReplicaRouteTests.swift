import Logging
import MantaCore
import MantaGateway
import MantaHTTP
import MantaServing
import MantaTestKit
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("A front's own replicas", .timeLimit(.minutes(1)))
struct ReplicaRouteTests {
    private static let group = "/v2/models/m@1-0123456789ab/versions/1"
    private static let body = Array(
        #"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}"#.utf8)
    private static let token = "0123456789abcdef"

    @Test("other nodes reach them with the fleet's token, and clients with theirs don't, nor are they told of them")
    func tokens() async throws {
        try await Self.serving(["m@1-0123456789ab"]) { port in
            func ask(_ method: String, _ path: String, _ headers: [String], _ body: [UInt8]? = nil) throws
                -> SocketClient.Reply
            {
                try SocketClient(port: port).request(method, path, headers: headers, body: body)
            }
            let (node, user) = (["Authorization: Bearer \(Self.token)"], ["Authorization: Bearer client-0123456789"])
            for path in [Self.group, Self.group + "/config"] {
                #expect(try ask("GET", path, node).status == 200)
                #expect(try ask("GET", path, user).status == 401)
            }
            #expect(try ask("POST", Self.group + "/infer", node, Self.body).status == 200)
            #expect(try ask("POST", Self.group + "/infer", user, Self.body).status == 401)
            #expect(try ask("GET", Self.group + "/ready", user).status == 404)
            #expect(try ask("GET", "/v2/models/m/versions/3", node).status == 401)
            let models = try ask("GET", "/v2/models", user)
            #expect(models.text == #"{"models":["m"]}"#)
            let index = try ask("POST", "/v2/repository/index", user, [])
            #expect(index.status == 200 && !index.text.contains("@"))
        }
    }

    @Test("a model of the clients' counts before one of the same name")
    func sameName() async throws {
        try await Self.serving(["m"]) { port in
            let user = ["Authorization: Bearer client-0123456789"]
            let reply = try SocketClient(port: port).request("GET", "/v2/models/m/versions/3", headers: user)
            #expect(reply.status == 200)
        }
    }

    /// Serves the model `m` to clients, and replicas of these names to nodes, who have one token each.
    private static func serving(
        _ names: [String], _ body: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        for (file, token) in [("nodes", token), ("clients", "client-0123456789")] {
            try folder.write(token, to: file)
            #expect(unsafe chmod("\(folder.path)/\(file)", 0o600) == 0)
        }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let replicas = ModelCatalog(environment: .init(engine: echo, logger: logger))
        replicas.apply(
            names.map { name in
                WantedDeployment(
                    configuration: DeploymentConfiguration(name: name),
                    versions: [VersionSpec(number: 1, path: "", hash: "")], scale: .pinned(1))
            })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await replicas.run() }
            defer { replicas.stop() }
            for name in names { _ = try await replicas.deployment(name).settled(within: .seconds(30)) }
            try await withPlane(over: echo) { plane in
                var routes = Routes()
                InferenceRoutes(plane).register(in: &routes)
                ReplicaRoutes(plane, replicas: replicas, tokens: try TokenSet(file: "\(folder.path)/nodes"))
                    .register(in: &routes)
                var http = HTTPServerConfiguration()
                (http.accessLog, http.credentials) = (false, "\(folder.path)/clients")
                let server = HTTPServer(configuration: http, routes: routes, logger: logger)
                let port = try server.start().port
                let result: Result<Void, any Error>
                do {
                    result = .success(try await onThread { try body(port) })
                } catch {
                    result = .failure(error)
                }
                await server.drain()
                try result.get()
            }
        }
    }
}
