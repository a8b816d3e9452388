import Foundation
import MantaTestKit
import Synchronization
import Testing

@Suite("Console", .timeLimit(.minutes(5)))
struct ConsoleSystemTests {
    @Test("an operator does in a real browser what the console is for, on a desktop and a phone, in light and dark")
    func operate() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let token = "4fJq0uC1x2nU8tY6eR3sWw"
        try folder.write(token, to: "tokens.txt")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder.path)/tokens.txt")
        try folder.write("models: [models]\nadmin: {credentials: tokens.txt}\n", to: "manta.yaml")
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
        let load = Load()
        async let loaded: Void = load.run(on: server)

        let result = try await Tool.run(
            Tool.python, ["Tests/Console/check.py", "http://127.0.0.1:\(server.adminPort)/", "--token", token])
        load.end()
        try await loaded

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.matches(of: #/(?m)^ok /#).count == 4, "\(result.output)")
    }
}

/// Requests now and then, so that charts move.
private final class Load: Sendable {
    private let isOver = Atomic(false)

    func run(on server: ServerProcess) async throws {
        try await onThread { [self] in
            let client = try InferenceClient(port: server.port)
            while !isOver.load(ordering: .relaxed) {
                _ = try client.infer("digits-svm", input: "X", shape: [1, 64], [Float](repeating: 1, count: 64))
                // Few enough to leave the browser its CPU.
                usleep(5000)
            }
        }
    }

    func end() { isOver.store(true, ordering: .relaxed) }
}
