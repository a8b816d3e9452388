import Logging
import MantaCore
import MantaGateway
import MantaGatewayTestKit
import MantaHTTP
import MantaServing
import MantaSharedMemory
import MantaTestKit
import Synchronization
import Testing

/// The protocol's routes over a fake engine's model `m`, `x: [-1, 2]` to `y: [-1, 2]`, on a real socket.
@discardableResult
func serving<Result: Sendable>(
    _ engine: FakeEngine, memory: SharedMemory? = nil, _ configure: (inout DeploymentConfiguration) -> Void = { _ in },
    body: @escaping @Sendable (SocketClient) throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var configuration = DeploymentConfiguration(name: "m")
    configuration.replicas = 1
    configure(&configuration)
    let catalog = ModelCatalog(environment: .init(engine: engine, logger: logger))
    var vacant = WantedDeployment(configuration: .init(name: "vacant"), versions: [], scale: .pinned(1))
    vacant.fault = "it has no version"
    let version = VersionSpec(number: 3, path: "", hash: "")
    catalog.apply([
        WantedDeployment(configuration: configuration, versions: [version], scale: .pinned(1)), vacant,
    ])
    var routes = Routes()
    InferenceRoutes(try await DataPlane.test(over: catalog, memory: memory)).register(in: &routes)
    var http = HTTPServerConfiguration()
    http.accessLog = false
    let server = HTTPServer(configuration: http, routes: routes, logger: logger)
    let port = try server.start().port
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await catalog.run() }
        _ = try await catalog.deployment("m").settled(within: .seconds(30))
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await onThread { try body(try SocketClient(port: port)) })
        } catch {
            result = .failure(error)
        }
        await server.drain()
        catalog.stop()
        try await group.waitForAll()
        return try result.get()
    }
}

let identity = FakeEngine { inputs in inputs.compactMap(\.self) }

func body(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite("Inference routes", .timeLimit(.minutes(1)))
struct InferenceRouteTests {
    private static let request =
        #"{"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[0.5,-3]}]}"#

    @Test("an inference comes back as JSON, with where its time went")
    func infer() async throws {
        let reply = try await serving(identity) {
            try $0.request("POST", "/v2/models/m/infer", body: body(Self.request))
        }

        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(
            reply.text == #"{"model_name":"m","model_version":"3","id":"7","outputs":"#
                + #"[{"name":"y","datatype":"FP32","shape":[1,2],"data":[0.5,-3]}]}"#)
        let timing = try #require(reply["Server-Timing"])
        #expect(
            timing.wholeMatch(
                of: #/queue;dur=\d+\.\d{3}, batch;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}, total;dur=\d+\.\d{3}/#) != nil)
    }

    @Test("binary tensors come and go behind the JSON")
    func binary() async throws {
        let json =
            #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"#
            + #""parameters":{"binary_data_output":true}}"#
        let values: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]
        let reply = try await serving(identity) {
            try $0.request(
                "POST", "/v2/models/m/versions/3/infer",
                headers: ["Inference-Header-Content-Length: \(json.utf8.count)"], body: body(json) + values)
        }

        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/octet-stream")
        let length = try #require(reply["Inference-Header-Content-Length"].flatMap { Int($0) })
        #expect(Array(reply.body[length...]) == values)
    }

    @Test(
        "what can't be served is an error with its status",
        arguments: [
            ("/v2/models/nobody/infer", 404, #"{"error":"model \"nobody\" is not found"}"#),
            ("/v2/models/m/versions/4/infer", 404, #"{"error":"model \"m\" has no version 4; it serves 3"}"#),
            (
                "/v2/models/m/versions/x/infer", 404,
                #"{"error":"version \"x\": versions are whole numbers from 1 on"}"#
            ),
            ("/v2/models/vacant/infer", 503, #"{"error":"vacant failed: it has no version"}"#),
        ])
    func refused(path: String, status: Int, text: String) async throws {
        let reply = try await serving(identity) { try $0.request("POST", path, body: body(Self.request)) }

        #expect(reply.status == status)
        #expect(reply.text == text)
    }

    @Test(
        "what is wrong with the schedule is named",
        arguments: [
            (
                ["X-Request-Timeout-Ms: soon"], "",
                "header X-Request-Timeout-Ms: expected whole milliseconds from 1 to 86400000, got soon"
            ),
            (
                ["X-Request-Timeout-Ms: 0"], "",
                "header X-Request-Timeout-Ms: expected whole milliseconds from 1 to 86400000, got 0"
            ),
            ([], #""timeout":-1"#, #"parameter \"timeout\": expected an integer from 0 to 86400000000, got -1"#),
            (
                [], #""priority":"high""#,
                #"parameter \"priority\": expected an integer from 0 to 4294967295, got \"high\""#
            ),
        ])
    func schedule(headers: [String], parameter: String, message: String) async throws {
        let text = Self.request.dropLast() + #","parameters":{\#(parameter)}}"#
        let reply = try await serving(identity) {
            try $0.request("POST", "/v2/models/m/infer", headers: headers, body: body(String(text)))
        }

        #expect(reply.status == 400)
        #expect(reply.text == "{\"error\":\"\(message)\"}")
    }

    @Test("an inference without a body is 411")
    func noBody() async throws {
        let reply = try await serving(identity) { try $0.request("POST", "/v2/models/m/infer") }

        #expect(reply.status == 411)
    }

    @Test("an engine's failure is 500 in its words")
    func engineFails() async throws {
        let failing = FakeEngine { inputs throws(ServingError) in
            guard inputs.first??.values(as: Float.self)?.first != -1 else {
                throw ServingError(.engineFailed, "the model's run failed: no minus one")
            }
            return inputs.compactMap(\.self)
        }
        let reply = try await serving(failing) {
            try $0.request(
                "POST", "/v2/models/m/infer",
                body: body(#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[-1,0]}]}"#))
        }

        #expect(reply.status == 500)
        #expect(reply.text == #"{"error":"the model's run failed: no minus one"}"#)
    }

    @Test("a request that waits longer than it may is 504, and a full queue 429 with Retry-After")
    func deadlineAndOverload() async throws {
        let isBlocked = Mutex(false)
        let gate = Gate()
        let slow = FakeEngine { inputs in
            if isBlocked.withLock({ $0 }) { gate.wait() }
            return inputs.compactMap(\.self)
        }
        let statuses = try await serving(slow) {
            $0.queue.maxRequests = 1
        } body: { first in
            isBlocked.withLock { $0 = true }
            let head = "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.request.utf8.count)\r\n"
            // The first keeps the only replica busy, the second waits for its time to be over, the third finds no room.
            try first.send(head + "\r\n" + Self.request)
            gate.waitUntilReached()
            let (second, third) = (try SocketClient(port: first.port), try SocketClient(port: first.port))
            try second.send(head + "X-Request-Timeout-Ms: 300\r\n\r\n" + Self.request)
            var refused = try third.request("POST", "/v2/models/m/infer", body: body(Self.request))
            while refused.status != 429 {
                refused = try third.request(
                    "POST", "/v2/models/m/infer", headers: ["X-Request-Timeout-Ms: 1"], body: body(Self.request))
            }
            let late = try second.reply()
            gate.open()
            return [try first.reply().status, late.status, refused.status, Int(refused["Retry-After"] ?? "") ?? 0]
        }

        #expect(statuses == [200, 504, 429, 1])
    }
}

@Suite("Metadata and health routes", .timeLimit(.minutes(1)))
struct MetadataRouteTests {
    @Test(
        "each answers with its document",
        arguments: [
            (
                "/v2", 200,
                #"{"extensions":["binary_tensor_data","classification","sequence","sequence(string_id)","#
                    + #""model_repository","model_repository(unload_dependents)","model_configuration","#
                    + #""schedule_policy","generate","statistics","trace","logging","parameters"],"name":"manta","#
                    + #""version":"9.9"}"#
            ),
            ("/v2/health/live", 200, #"{"live":true}"#),
            ("/v2/health/ready", 200, #"{"ready":true}"#),
            (
                "/v2/models/m", 200,
                #"{"inputs":[{"datatype":"FP32","name":"x","shape":[-1,2]}],"name":"m","#
                    + #""outputs":[{"datatype":"FP32","name":"y","shape":[-1,2]}],"platform":"fake_model","#
                    + #""versions":["3"]}"#
            ),
            ("/v2/models/m/versions/3/ready", 200, #"{"name":"m","ready":true}"#),
            ("/v2/models/nobody/ready", 404, #"{"error":"model \"nobody\" is not found"}"#),
            (
                "/v2/models/vacant/ready", 503,
                #"{"error":"vacant failed: it has no version","name":"vacant","ready":false}"#
            ),
            ("/v2/models/m/versions/4", 404, #"{"error":"model \"m\" has no version 4; it serves 3"}"#),
        ])
    func documents(path: String, status: Int, text: String) async throws {
        let reply = try await serving(identity) { try $0.request("GET", path) }

        #expect(reply.status == status)
        #expect(reply.text == text)
    }

    @Test("a model that failed to load says why, and the server isn't ready when no other is")
    func failed() async throws {
        let broken = FakeEngine(loadError: ServingError(.modelUnavailable, "the file is cut off")) { _ in [] }
        let replies = try await serving(broken) { client in
            try ["/v2/models/m/ready", "/v2/models/m", "/v2/health/ready", "/v2/health/live"].map {
                try client.request("GET", $0)
            }
        }

        #expect(replies.map(\.status) == [503, 503, 503, 200])
        #expect(replies[0].text == #"{"error":"m version 3 failed: the file is cut off","name":"m","ready":false}"#)
    }
}
