import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Stopping in the middle of an update")
    struct StopDuringUpdateTests {
        @Test("SIGTERM at any step: every request that was accepted is answered, exit code 0", arguments: 0..<5)
        func terminate(round: Int) async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let delay = (Double(round) + Double.random(in: 0..<1, using: &random)) * 0.08
            let model = try await OperatedModel(
                OperatedModel.file("echo"),
                configuration:
                    "batching: {max_batch_size: 0}\nreplicas: 1\nrollout: {trial_requests: 40, settle_s: 1}\n")
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: model.server.port, requests: requests, count: 200)
            let load = OpenLoad(
                port: model.server.port, requests: requests, perSecond: 0.7 * capacity, outlivesServer: true)

            let (update, report) = try await load.during {
                let admin = try OperatorClient(port: model.server.adminPort)
                try model.write(model.model(documented: "new"), version: 2)
                try admin.wait(for: "m", "being updated") { $0.update != nil }
                // From loading to the end of the old version.
                Thread.sleep(forTimeInterval: delay)
                let update = try admin.status(of: "m").update?.state ?? "done"
                model.server.signal(SIGTERM)
                admin.waitForEnd()
                return update
            }

            print("seed \(seed), SIGTERM after \(delay) s, \(update): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(await model.server.exitStatus() == 0)
        }
    }
}
