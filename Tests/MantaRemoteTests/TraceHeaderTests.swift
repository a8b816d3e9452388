import Logging
import MantaCore
import MantaHTTP
import MantaRemote
import Synchronization
import Testing

@Suite("The headers of a trace", .timeLimit(.minutes(1)))
struct TraceHeaderTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("they go to the other server with the batch, and none without")
    func sent() async throws {
        let trace = TraceContext(parent: Self.parent, states: ["a=1", "b=2"])
        let headers = try await headers(of: [trace, nil])

        #expect(headers[0].values(of: "traceparent") == [Self.parent])
        #expect(headers[0].values(of: "tracestate") == ["a=1,b=2"])
        #expect(headers[0].trace?.id == trace?.id && headers[0].trace?.state == trace?.state)
        #expect(headers[1]["traceparent"] == nil && headers[1]["tracestate"] == nil && headers[1].trace == nil)
    }

    @Test("two fields traceparent are no trace")
    func twice() {
        #expect(HTTPHeaders(dictionaryLiteral: ("traceparent", Self.parent)).trace != nil)
        #expect(
            HTTPHeaders(dictionaryLiteral: ("traceparent", Self.parent), ("Traceparent", Self.parent)).trace == nil)
    }

    /// What a server gets with batches of these traces.
    private func headers(of traces: [TraceContext?]) async throws -> [HTTPHeaders] {
        let got = Got()
        var routes = Routes()
        routes.on(.post, "/v2/models/m/infer", body: .required) { request in
            got.headers.withLock { $0.append(request.headers) }
            throw HTTPError(.badRequest, "seen")
        }
        var configuration = HTTPServerConfiguration()
        configuration.accessLog = false
        let server = HTTPServer(
            configuration: configuration, routes: routes,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try server.start().port
        let client = RemoteClient()
        let address = try #require(RemoteAddress("http://127.0.0.1:\(port)/v2/models/m"))
        let signature = ModelSignature(inputs: [TensorSpec("x", .fp32, [-1])], outputs: [TensorSpec("y", .fp32, [-1])])
        for trace in traces {
            let batch = RemoteBatch(
                signature: signature, inputs: [Tensor(shape: [1], [Float(1)])], outputs: [0], timeout: .seconds(10),
                trace: trace)
            let failure = await #expect(throws: RemoteFailure.self) { try await client.run(batch, at: address) }
            #expect(failure?.kind == .answered(.invalidRequest), "\(String(describing: failure))")
        }
        try await client.shutdown()
        await server.drain()
        return got.headers.withLock { $0 }
    }

    private final class Got: Sendable {
        let headers = Mutex<[HTTPHeaders]>([])
    }
}
