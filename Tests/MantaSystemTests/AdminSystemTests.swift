import Foundation
import MantaProcesses
import MantaTestKit
import Testing

@Suite("Operating a server", .timeLimit(.minutes(5)))
struct AdminSystemTests {
    @Test("the server's own description of its routes is valid OpenAPI 3.1, with examples that its schemas allow")
    func openAPI() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        let result = try await Tool.run(
            Tool.python, ["Tests/OpenAPI/validate.py", "http://127.0.0.1:\(server.adminPort)/openapi.json"])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("no faults\n"))
    }

    @Test(
        "whatever its description allows and forbids, no listener answers with a status or document that isn't there",
        arguments: ["inference", "admin"])
    func fuzz(listener: String) async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let server = try await ServerProcess.ready(["--models", folder.models, "--state", "\(folder.path)/state"])
        let port = listener == "admin" ? server.adminPort : server.port

        let result = try await Tool.run(
            Tool.python,
            [
                "Tests/OpenAPI/fuzz.py", "http://127.0.0.1:\(server.adminPort)/openapi.json",
                "http://127.0.0.1:\(port)", "--routes", listener, "--examples", "5",
            ])

        #expect(result.status == 0, "\(result.output)")
        server.signal(SIGTERM)
        #expect(await server.exitStatus() == 0)
    }

    @Test("promtool finds nothing to say about the metrics after inference, scaling and an update")
    func metrics() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let server = try await ServerProcess.ready(["--models", folder.models])

        let page = try await onThread {
            let (client, admin) = (try InferenceClient(port: server.port), try AdminClient(server))
            func infer() throws {
                _ = try client.infer("digits-svm", input: "X", shape: [1, 64], [Float](repeating: 1, count: 64))
            }
            try infer()
            _ = try admin.change("POST", "/admin/v1/deployments/digits-svm/scale", #"{"replicas": 2}"#)
            try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "models/digits-svm/2/model.onnx")
            #expect(try admin.reply("POST", "/admin/v1/reload").text == #"{"faults":[]}"#)
            _ = try admin.wait(for: "digits-svm") {
                $0.versions.list.contains { $0.version.number == 2 && $0.default.isTrue }
            }
            try infer()
            #expect(try client.post("digits-svm", shape: [1, 1], [1]).status == 400)
            return try admin.reply("GET", "/metrics")
        }
        try folder.write(page.body, to: "metrics")
        let result = try await Tool.run(
            "/bin/sh", ["-c", ".venv/bin/promtool check metrics < '\(folder.path)/metrics'"])

        #expect(page["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(result.status == 0 && result.output == "", "\(result.output)")
        for version in 1...2 {
            let isCounted = page.text.contains(
                #"manta_requests_total{model="digits-svm",version="\#(version)",code="ok"} 1"#)
            #expect(isCounted)
        }
    }

    @Test("a process has begun at the same moment whenever it is asked, so that nobody takes it for another one")
    func start() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        let starts = try await onThread {
            let admin = try AdminClient(server)
            return try Set((0..<100).map { _ in try admin.document("/admin/v1/status").started_at.text })
        }

        #expect(starts.count == 1, "\(starts)")
    }

    @Test("a stream of events resumes where it broke without losing one, and ends at once when the server stops")
    func events() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        // Who doesn't end the stream at once would wait for an hour.
        try folder.write("models: [models]\nadmin: {drain_timeout_s: 3600}\n", to: "manta.yaml")
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
        func follow(after id: Int) async throws -> ChildProcess {
            let program = Program(
                "/usr/bin/curl",
                [
                    "-sSN", "-H", "Accept: text/event-stream", "-H", "Last-Event-ID: \(id)",
                    "http://127.0.0.1:\(server.adminPort)/admin/v1/events",
                ])
            return try await program.start()
        }
        func scale(to replicas: Int) async throws {
            try await onThread {
                let document = try AdminClient(server).change(
                    "POST", "/admin/v1/deployments/digits-svm/scale", "{\"replicas\": \(replicas)}")
                #expect(document.done.isTrue)
            }
        }
        let broken = try await follow(after: 0)
        try await scale(to: 3)
        #expect(await broken.wrote("3 replicas, by an operator"))
        broken.signal(SIGKILL)
        _ = await broken.exitStatus()
        let before = Self.ids(broken.output)

        try await scale(to: 2)
        let resumed = try await follow(after: try #require(before.last))
        try await scale(to: 4)
        #expect(await resumed.wrote("4 replicas, by an operator"))
        let listed = try await onThread {
            try AdminClient(server).document("/admin/v1/events").events.list.compactMap(\.id.number)
        }
        #expect(await resumed.wrote("id: \(try #require(listed.last))\n"))
        server.signal(SIGTERM)

        #expect(await resumed.exitStatus() == 0)
        #expect(await server.exitStatus() == 0)
        #expect(Array((before + Self.ids(resumed.output)).prefix(listed.count)) == listed)
        #expect(listed == Array(1...listed.count))
    }

    /// The ids of the events that came whole.
    private static func ids(_ stream: String) -> [Int] {
        stream.matches(of: #/id: ([0-9]+)\nevent: [a-z]+\ndata: .*\n\n/#).compactMap { Int($0.1) }
    }
}
