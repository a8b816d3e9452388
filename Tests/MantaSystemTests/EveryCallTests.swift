import Foundation
import MantaTestKit
import Testing

@Suite("Every call", .timeLimit(.minutes(5)))
struct EveryCallTests {
    @Test("Triton's clients for HTTP and gRPC, plain and with asyncio, make every call that they have")
    func tritonclient() async throws {
        let folder = try TemporaryFolder()
        for type in ["fp32", "bytes"] {
            let version = "\(folder.path)/models/identity_\(type)/1"
            try FileManager.default.createDirectory(atPath: version, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: fixture("identity_\(type)"), toPath: "\(version)/model.onnx")
        }
        let traces = "\(folder.path)/traces.json"
        let server = try await ServerProcess.ready([
            "--models", "\(folder.path)/models", "--state", "\(folder.path)/state", "--allow-model-control",
            "--allow-shared-memory", "--trace-file", traces,
        ])

        let result = try await Tool.run(
            Tool.python,
            [
                "Tests/MantaSystemTests/Clients/every_call.py", "127.0.0.1:\(server.port)",
                "127.0.0.1:\(server.grpcPort)", fixture("identity_fp32"),
            ])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("all checks passed\n"))
        #expect(try String(contentsOfFile: traces, encoding: .utf8).contains("identity_fp32"))
        // Each client's own model was unloaded, not forgotten: its file is still there, and no other.
        let uploads = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/state/uploads")
        #expect(uploads.count == 4)
    }
}
