import Foundation
import MantaTestKit
import Testing

@Suite("Starting and stopping", .timeLimit(.minutes(5)))
struct StopTests {
    @Test("SIGTERM under load: every request that was accepted is answered, exit code 0", arguments: 1...5)
    func terminate(round: Int) async throws {
        let server = try await ServerProcess.ready(["--models", "models"])

        let lost = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try await onThread {
                        // One that begins too late isn't let in.
                        guard let client = try? InferenceClient(port: server.port) else { return 0 }
                        let row = [Float](repeating: 3, count: 64)
                        for _ in 0..<100_000 {
                            if client.isClosedByServer { return 0 }
                            guard let reply = try? client.post("digits-svm", input: "X", shape: [1, 64], row) else {
                                return 1
                            }
                            #expect(reply.status == 200)
                            if reply["Connection"]?.lowercased() == "close" { return 0 }
                        }
                        return 0
                    }
                }
            }
            try await onThread {
                let admin = try InferenceClient(port: server.adminPort)
                while !(try admin.request("GET", "/metrics").text.contains("code=\"ok\"")) {}
            }
            server.signal(SIGTERM)
            return try await group.reduce(0, +)
        }

        #expect(lost == 0)
        #expect(await server.exitStatus() == 0)
    }

    @Test("SIGINT without load: exit code 0")
    func interrupt() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        server.signal(SIGINT)

        #expect(await server.exitStatus() == 0)
    }

    @Test("a state folder belongs to one Manta at a time, and is free after kill -9")
    func stateFolder() async throws {
        let folder = try TemporaryFolder()
        let state = "\(folder.path)/state"
        let first = try await ServerProcess.ready(["--state", state, fixture("identity_fp32")])

        let second = try await Tool.run(
            ServerProcess.binary.path,
            [
                "serve", "--http", "127.0.0.1:0", "--grpc", "off", "--admin", "127.0.0.1:0", "--state", state,
                fixture("identity_fp32"),
            ])
        #expect(second.status == 78)
        #expect(second.output.contains("another Manta uses it"))

        first.signal(SIGKILL)
        #expect(await first.exitStatus() == -9)
        let third = try await ServerProcess.ready(["--state", state, fixture("identity_fp32")])
        third.signal(SIGTERM)
        #expect(await third.exitStatus() == 0)
    }
}
