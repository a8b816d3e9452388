import Foundation
import Logging
import MantaAdmin
import MantaController
import MantaGateway
import MantaGatewayTestKit
import MantaHTTP
import MantaProcesses
import MantaServing
import MantaStore
import MantaTelemetry
import MantaTestKit
import Testing

@Suite("OpenAPI document", .timeLimit(.minutes(1)))
struct OpenAPITests {
    @Test("it describes the routes of both listeners, and no others")
    func describesRoutes() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let catalog = ModelCatalog(
            environment: .init(engine: FakeEngine { inputs in inputs.compactMap(\.self) }, logger: logger))
        let events = EventLog(logger: logger)
        let controller = Controller(
            configuration: .init(), store: try await EmbeddedStore.open(path: nil), catalog: catalog, events: events)
        let context = AdminContext(
            plane: try await DataPlane.test(over: catalog), controller: controller, events: events,
            registry: PrometheusRegistry(), cpus: 1, store: .memory, reload: { [] })

        #expect(words(context.inferenceRoutes.registered) == words(OpenAPIDocument.inferencePaths))
        #expect(words(context.adminRoutes.registered) == words(OpenAPIDocument.paths))
    }

    @Test("each route and each name of one stands there once")
    func namesAreUnique() throws {
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.bytes)) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        let operations = paths.values.flatMap(\.values)
        #expect(operations.count == OpenAPIDocument.paths.count)
        #expect(Set(operations.compactMap { $0["operationId"] as? String }).count == operations.count)
        #expect(Set(words(OpenAPIDocument.paths)).count == operations.count)
    }

    @Test("it is what OpenAPI 3.1 allows, and its examples are what its schemas allow")
    func isValid() async throws {
        let folder = try TemporaryFolder()
        try folder.write(String(decoding: OpenAPIDocument.bytes, as: UTF8.self), to: "openapi.json")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var validation = Program(
            root.appending(path: ".venv/bin/python").path,
            [root.appending(path: "Tests/OpenAPI/validate.py").path, "\(folder.path)/openapi.json"])
        validation.errors = nil
        let result = try await validation.run()
        #expect(result.status == 0, "\(result.output)")
    }

    private func words(_ routes: [(method: HTTPMethod, path: String)]) -> [String] {
        routes.map { "\($0.method.rawValue) \($0.path)" }.sorted()
    }
}
