import Foundation
import MantaTestKit
import Testing

extension OperationTests.FleetTests {
    @Suite("Updates of a fleet that go wrong")
    struct HaltedFleetUpdateTests {
        @Test(
            """
            what serves stays for as long as a front finds what is to follow unfit, with the reason, and loses no request; \
            a repair ends that
            """)
        func halted() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\nrollout: {trial_s: 20}\n")
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            defer { withExtendedLifetime(worker) {} }
            try await Fleet.wait(front, forHosts: 1)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (_, report) = try await load.during(steps: {
                try await Self.update(fleet, to: "echo_renamed", at: front, isHaltedFor: "input \"x\" is gone")
                // Longer than the old one stays once an update is over.
                try await Task.sleep(for: .seconds(17))
                try await Fleet.wait(front, for: "still halted") {
                    $0.state == "halted" && $0.serving?.version == 1 && $0.readyReplicas == 1
                }
                try await Self.update(
                    fleet, to: "fails_beyond_one", at: front,
                    isHaltedFor: "failed a request that the version in service answered")
                try fleet.folder.write(OperatedModel.model("echo"), to: "models/m/2/model.onnx")
                try await Fleet.wait(front, for: "repaired") {
                    $0.state == "ready" && $0.serving?.version == 2 && $0.warnings.isEmpty
                }
            })

            print("a fleet's updates that go wrong: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(report.versions.isSubset(of: ["1", "2"]))
        }

        /// Writes a version 2, and waits until it is halted, which the leader tells too.
        private static func update(
            _ fleet: Fleet, to file: String, at front: ServerProcess, isHaltedFor reason: String
        ) async throws {
            try fleet.folder.write(OperatedModel.model(file), to: "models/m/2/model.onnx")
            try await Fleet.wait(front, for: "halted for \(reason)") { deployment in
                deployment.state == "halted" && deployment.serving?.version == 1
                    && deployment.reason?.contains(reason) == true
                    && deployment.warnings.contains { $0.contains(reason) }
            }
        }
    }
}
