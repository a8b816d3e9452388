import Foundation
import MantaTestKit
import Testing

@Suite("What goes wrong", .timeLimit(.minutes(5)))
struct FaultTests {
    @Test("a broken model says what is wrong with it on its own routes, and everything else serves on")
    func brokenModels() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: fixture("identity_fp32"), to: "sound/1/model.onnx")
        try folder.copy(fromRepository: fixture("truncated"), to: "truncated/1/model.onnx")
        try folder.copy(fromRepository: fixture("text"), to: "text/1/model.onnx")
        try folder.copy(fromRepository: fixture("future_opset"), to: "future/1/model.onnx")
        try folder.copy(fromRepository: fixture("unknown_operator"), to: "operator/1/model.onnx")
        try folder.copy(fromRepository: fixture("sequence_output"), to: "sequence/1/model.onnx")
        try folder.write("no model here", to: "missing/1/notes.txt")
        try folder.write("no version here", to: "empty/notes.txt")
        let server = try await ServerProcess.ready(["--models", folder.path])

        let replies = try await onThread {
            let client = try InferenceClient(port: server.port)
            var replies: [String: SocketClient.Reply] = [:]
            for name in ["sound", "truncated", "text", "future", "operator", "sequence", "missing", "empty"] {
                replies[name] = try client.post(name, shape: [1, 2], [1, 2])
                let ready = try client.request("GET", "/v2/models/\(name)/ready")
                #expect(ready.status == replies[name]?.status)
            }
            replies["ready"] = try client.request("GET", "/v2/health/ready")
            return replies
        }

        #expect(replies["sound"]?.status == 200)
        #expect(replies["ready"]?.status == 200)
        let reasons = [
            "truncated": "model.onnx", "text": "model.onnx", "future": "opset", "operator": "NoSuchOperator",
            "sequence": "sequence", "missing": "missing/1/model.onnx", "empty": "has no version",
        ]
        for (name, reason) in reasons {
            let reply = try #require(replies[name])
            #expect(reply.status == 503)
            #expect(reply.text.contains(reason), "\(name): \(reply.text)")
        }
    }

    @Test("a port in use is one clear line and exit code 69", arguments: ["--http", "--grpc"])
    func portInUse(option: String) async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])
        let other = option == "--http" ? ["--grpc", "off"] : ["--http", "127.0.0.1:0"]

        let second = try await Tool.run(
            ServerProcess.binary.path,
            ["serve", option, "127.0.0.1:\(server.port)", "--admin", "127.0.0.1:0"] + other
                + [fixture("identity_fp32")])

        #expect(second.status == 69)
        #expect(second.output == "manta: can't listen on 127.0.0.1:\(server.port): the port is in use\n")
    }

    @Test("nothing to serve is one clear line and exit code 64")
    func nothingToServe() async throws {
        let folder = try TemporaryFolder()

        let result = try await Tool.run(
            "/bin/sh", ["-c", "cd '\(folder.path)' && exec '\(ServerProcess.binary.path)' serve"])

        #expect(result.status == 64)
        #expect(
            result.output
                == "manta: nothing to serve: name a model file, or a model repository with --models "
                + "(there is no ./models)\n")
    }

    @Test("a faulty configuration lists every fault with its place, and exit code 78")
    func configuration() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: fixture("identity_fp32"), to: "m/1/model.onnx")
        try folder.write("replica: 2\nbatching:\n  max_batch_size: many\n", to: "m/model.yaml")

        let result = try await Tool.run(ServerProcess.binary.path, ["serve", "--models", folder.path])

        #expect(result.status == 78)
        #expect(result.output.contains("m/model.yaml:1:1: "))
        #expect(result.output.contains("m/model.yaml:3:19: "))
        #expect(result.output.contains("\"replicas\""))
    }

    @Test("an engine that isn't there is one clear line and exit code 69")
    func noEngine() async throws {
        let result = try await Tool.run(
            ServerProcess.binary.path, ["serve", fixture("identity_fp32")],
            environment: ["MANTA_ONNXRUNTIME_LIBRARY": "/nowhere/libonnxruntime.so"])

        #expect(result.status == 69)
        #expect(result.output.hasPrefix("manta: ONNX Runtime's library was not found"))
    }
}
