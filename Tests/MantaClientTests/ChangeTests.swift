import MantaTestKit
import Testing

@testable import MantaClient

@Suite("Changes", .timeLimit(.minutes(1)))
struct ChangeTests {
    private static func reply(
        _ message: String = "3 replicas are wanted, 1 is ready", done: Bool, state: String = "ready",
        reason: String? = nil, durable: Bool = true
    ) -> String {
        let reason = reason.map { "\"\($0)\"" } ?? "null"
        return #"{"deployment": "m", "message": "\#(message)", "done": \#(done), "state": "\#(state)", "#
            + #""reason": \#(reason), "durable": \#(durable)}"#
    }

    private static func outcome(
        _ change: Change, at place: String, status: Int, _ reply: String, wait: Int
    ) async throws -> (Change.Outcome, AdminServer.Received) {
        try await AdminServer.run { admin, server in
            admin.set(change: place, status: status, reply)
            let outcome = try await change.send(to: server, wait: wait)
            return (outcome, try #require(admin.received.first))
        }
    }

    @Test(
        "each way to scale is a body of the endpoint",
        arguments: [
            (.pinned(3), #"{"replicas": 3}"#), (.between(min: 1, max: 8), #"{"min": 1, "max": 8}"#),
            (.automatic, #"{"autoscale": true}"#), (.asConfigured, #"{"autoscale": false}"#),
        ] as [(ScaleOrder, String)])
    func scale(order: ScaleOrder, body: String) async throws {
        let (outcome, received) = try await Self.outcome(
            .scale("m", order), at: "POST /admin/v1/deployments/m/scale", status: 200, Self.reply(done: true), wait: 0)

        #expect(received.body == body)
        #expect(received.type == "application/json")
        #expect(received.wait == nil)
        #expect(outcome.error == nil)
        #expect(outcome.message == "3 replicas are wanted, 1 is ready")
    }

    @Test("a change that goes on is fine without a wait, and isn't done with one")
    func unfinished() async throws {
        let place = "POST /admin/v1/deployments/m/scale"
        let (begun, _) = try await Self.outcome(
            .scale("m", .pinned(3)), at: place, status: 202, Self.reply(done: false, durable: false), wait: 0)
        let (waited, received) = try await Self.outcome(
            .scale("m", .pinned(3)), at: place, status: 202, Self.reply(done: false), wait: 10)

        #expect(begun.error == nil)
        #expect(
            begun.message == "3 replicas are wanted, 1 is ready (until the server stops: it has no --state)")
        #expect(received.wait == "10s")
        #expect(
            waited.error
                == ClientError(.unfinished, "not done within 10s, it goes on: 3 replicas are wanted, 1 is ready"))
    }

    @Test("an update that was halted or failed is an error with its reason", arguments: ["halted", "failed"])
    func halted(state: String) async throws {
        for (status, done) in [(200, true), (202, false)] {
            let (outcome, _) = try await Self.outcome(
                .deploy(.init(name: "m", contentType: "application/yaml", body: [])),
                at: "PUT /admin/v1/deployments/m", status: status,
                Self.reply(done: done, state: state, reason: "version 2 answers with NaN"), wait: 60)

            #expect(outcome.error == ClientError(.failed, "\(state): version 2 answers with NaN"))
        }
    }

    @Test("a deployment whose update was halted before can be scaled")
    func scaleHalted() async throws {
        let (outcome, _) = try await Self.outcome(
            .scale("m", .pinned(3)), at: "POST /admin/v1/deployments/m/scale", status: 202,
            Self.reply(done: false, state: "halted", reason: "version 2 failed"), wait: 0)

        #expect(outcome.error == nil)
    }

    @Test("what the server refuses is told with its words, and whose fault it is")
    func refused() async throws {
        try await AdminServer.run { admin, server in
            admin.set(change: "PUT /admin/v1/deployments/m", status: 400, #"{"error": "model.yaml:1:1: unknown key"}"#)
            admin.set(change: "POST /admin/v1/deployments/m/scale", status: 400, #"{"error": "min is above max"}"#)
            admin.set(change: "POST /admin/v1/reload", status: 500, "oops")

            let deploy = await failure {
                _ = try await Change.deploy(.init(name: "m", contentType: "application/yaml", body: []))
                    .send(to: server, wait: 0)
            }
            let scale = await failure { _ = try await Change.scale("m", .pinned(1)).send(to: server, wait: 0) }
            let reload = await failure { _ = try await Change.reload().send(to: server, wait: 0) }
            let undeploy = await failure { _ = try await Change.undeploy("m").send(to: server, wait: 0) }

            #expect(deploy == ClientError(.configuration, "model.yaml:1:1: unknown key"))
            #expect(scale == ClientError(.usage, "min is above max"))
            #expect(
                reload
                    == ClientError(
                        .unavailable, "\(server.settings.url)/admin/v1/reload answers with status 500"))
            #expect(undeploy == ClientError(.unavailable, "deployment \"m\" is not found"))
        }
    }

    @Test("what reading everything again found wrong is told fault by fault")
    func reloadFaults() async throws {
        try await AdminServer.run { admin, server in
            admin.set(change: "POST /admin/v1/reload", status: 422, #"{"faults": ["a.yaml:1:1: x", "b.pem: y"]}"#)

            let error = await failure { _ = try await Change.reload().send(to: server, wait: 0) }

            #expect(error == ClientError(.configuration, "a.yaml:1:1: x\nb.pem: y"))
        }
    }

    @Test("a wait makes room for itself beside the time that an answer may take")
    func waitBeyondTimeout() {
        var request = ServerRequest("POST", "x")
        request.wait(for: 60)
        #expect(request.wait == .seconds(60))
        #expect(request.target == "/x?wait=60s")
    }
}

@Suite("What is deployed")
struct ModelOrderTests {
    private static func text(_ order: ModelOrder) -> String { String(decoding: order.body, as: UTF8.self) }

    @Test("a model file has its own name, and its path from the root on")
    func modelFile() throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "resnet50.onnx")
            try folder.write("", to: "iris/1/model.onnx")

            let order = try ModelOrder(path: folder.path + "/./iris/../resnet50.onnx", in: "/nowhere")

            #expect(order.name == "resnet50")
            #expect(order.contentType == "application/json")
            #expect(Self.text(order) == "{\"path\": \"\(folder.path)/resnet50.onnx\"}")
            #expect(try ModelOrder(path: folder.path + "/iris/1/model.onnx").name == "iris")
        }
    }

    @Test("a model.yaml goes out as it was written, comments and all")
    func yaml() throws {
        try TemporaryFolder.with { folder in
            let text = "# ours\nreplicas: 2   # two\nbatching: {max_batch_size: 016}\n"
            try folder.write(text, to: "iris/model.yaml")
            try folder.write("name: other\n" + text, to: "iris/named.yml")
            try folder.write("", to: "iris/empty.yaml")

            let order = try ModelOrder(path: folder.path + "/iris/model.yaml")

            #expect(order.name == "iris")
            #expect(order.contentType == "application/yaml")
            #expect(Self.text(order) == text)
            #expect(try ModelOrder(path: folder.path + "/iris/named.yml").name == "other")
            #expect(try Self.text(ModelOrder(path: folder.path + "/iris/empty.yaml")).isEmpty)
        }
    }

    @Test(
        "a relative path begins at the file, and nothing else is touched",
        arguments: [
            ("path: ../m.onnx # here\nreplicas: 1", "path: \"ROOT/m.onnx\" # here\nreplicas: 1"),
            ("a: 1\npath: \"./1/ä b.onnx\"\n", "a: 1\npath: \"ROOT/iris/1/ä b.onnx\"\n"),
            ("ä: {x: 1}\npath: 'm'", "ä: {x: 1}\npath: \"ROOT/iris/m\""),
            ("{replicas: 1, path: m}", "{replicas: 1, path: \"ROOT/iris/m\"}"),
            ("path: /models/m.onnx", "path: /models/m.onnx"),
            ("\r\npath: m\r\nreplicas: 1\r\n", "\r\npath: \"ROOT/iris/m\"\r\nreplicas: 1\r\n"),
        ])
    func relativePath(text: String, expected: String) throws {
        try TemporaryFolder.with { folder in
            try folder.write(text, to: "iris/some.yaml")

            let order = try ModelOrder(path: folder.path + "/iris/some.yaml")

            #expect(Self.text(order) == expected.replacing("ROOT", with: folder.path))
        }
    }

    @Test(
        "a folder adds where it is to what its model.yaml says",
        arguments: [
            (nil, "{\"path\": \"ROOT/iris\"}"), ("", "path: \"ROOT/iris\"\n"),
            ("# nothing", "# nothing\npath: \"ROOT/iris\"\n"),
            ("replicas: 1", "replicas: 1\npath: \"ROOT/iris\"\n"),
            ("---\n  replicas: 1\n", "---\n  replicas: 1\n  path: \"ROOT/iris\"\n"),
            ("{replicas: 1}", "{\"path\": \"ROOT/iris\", replicas: 1}"), ("{}", "{\"path\": \"ROOT/iris\"}"),
            ("path: ../other", "path: \"ROOT/other\""),
        ])
    func folder(yaml: String?, expected: String) throws {
        try TemporaryFolder.with { folder in
            try folder.write("", to: "iris/1/model.onnx")
            if let yaml { try folder.write(yaml, to: "iris/model.yaml") }

            for slash in ["", "/"] {
                let order = try ModelOrder(path: folder.path + "/iris" + slash)

                #expect(order.name == "iris")
                #expect(Self.text(order) == expected.replacing("ROOT", with: folder.path))
            }
        }
    }

    @Test("JSON stays JSON")
    func json() throws {
        try TemporaryFolder.with { folder in
            try folder.write(#"{"name": "n", "path": "m.onnx", "replicas": 1}"#, to: "d/m.json")

            let order = try ModelOrder(path: folder.path + "/d/m.json")

            #expect(order.name == "n")
            #expect(order.contentType == "application/json")
            #expect(Self.text(order) == #"{"name": "n", "path": "\#(folder.path)/d/m.onnx", "replicas": 1}"#)
        }
    }

    @Test(
        "what can't be sent is named with its place",
        arguments: [
            ("a: [1", "FILE:2:1: not YAML: did not find expected "), ("a: 1\na: 2", "FILE:1:1: \"a\" is given twice"),
            ("- a", "FILE: expected a mapping of keys to values"),
            ("a: 1\nname: [x]", "FILE:2:7: name: expected a string"),
            ("path: \"a\\u0062\"", "FILE:1:7: path: expected it on one line, without escapes"),
            ("path: |\n  m", "FILE:1:7: path: expected it on one line, without escapes"),
        ])
    func faults(text: String, message: String) throws {
        try TemporaryFolder.with { folder in
            let file = folder.path + "/d.yaml"
            try folder.write(text, to: "d.yaml")

            let error = #expect(throws: ClientError.self) { try ModelOrder(path: file) }

            #expect(error?.kind == .configuration)
            #expect(error?.message.hasPrefix(message.replacing("FILE", with: file)) == true, "\(error?.message ?? "")")
        }
    }

    @Test("a file that isn't there is named")
    func missing() {
        #expect(
            throws: ClientError(
                .data, "/nowhere/m.onnx: there is no such file, expected a model.yaml, a model or its folder")
        ) { try ModelOrder(path: "/nowhere/m.onnx") }
    }
}
