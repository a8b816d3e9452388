import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

extension OperationTests {
    /// What ``FleetTests`` does, each without what protects from it: that nothing fails there isn't because nobody looks.
    @Suite("A fleet without what protects it")
    struct UnprotectedFleetTests {
        @Test("a stopped worker that nobody else may try for loses what it had; it is out as soon as otherwise")
        func stopped() async throws {
            let (silence, report) = try await FleetTests.stopped(configuration: "idempotent: false\n")

            print("a stopped worker, without a second try: \(report); out after \(silence)")
            #expect(report.failed > 0)
            #expect(report.failures.allSatisfy { $0.hasPrefix("503 ") && $0.contains("idempotent") }, "\(report)")
            #expect(silence < .seconds(1))
        }

        @Test("a worker that goes before its replica is replaced leaves requests without one")
        func killed() async throws {
            let (_, report) = try await FleetTests.ended(by: SIGKILL, then: "out for longer than requests have") {
                $0.serving?.replicas.contains { $0.state == "out" && $0.ageS > 3 } == true
            }

            print("a worker that goes before it is replaced: \(report)")
            #expect(report.failed > 0)
            #expect(report.failures.allSatisfy { $0.hasPrefix("504 ") || $0.hasPrefix("503 ") }, "\(report)")
        }

        @Test(
            """
            an etcd of three members that has lost two takes no change, which clients don't notice, and takes it once one \
            is back
            """)
        func noMajority() async throws {
            let fleet = try await Fleet(members: 3, configuration: FleetTests.configuration)
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 1)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (refusal, report) = try await load.during(steps: {
                for member in fleet.etcd[..<2] { member.kill() }
                let refusal = await #expect(throws: OperatorClient.Refusal.self) {
                    try await FleetTests.scale(front, attempts: 2)
                }
                try await fleet.etcd[0].start()
                try await FleetTests.scale(front, attempts: 20)
                return refusal
            })

            print("two of etcd's three members killed: \(report); a change: \(refusal.map { "\($0)" } ?? "made")")
            #expect(report.failed == 0, "\(report)")
            #expect(!worker.log.contains("version 1 finishes what it has and goes"), "\(worker.log)")
        }
    }
}
