import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite(
        "A fleet on two hosts",
        .enabled("needs network namespaces: root, and ip of iproute2") { await HostPair.canBeMade })
    struct CutFleetTests {
        @Test(
            """
            when the cable to the other host is cut, the worker there is out within a second and the one here runs all \
            batches; once it is mended both do, and no request is lost
            """)
        func oneBehindTheCable() async throws {
            let (silence, report) = try await Self.cut(hasWorkerHere: true)

            print("a worker behind a cut cable: \(report); out after \(silence)")
            #expect(report.failed == 0, "\(report)")
            #expect(silence < .seconds(1))
        }

        @Test(
            "when all workers are behind the cable, requests fail whose time is over, and are served again once it is mended"
        )
        func allBehindTheCable() async throws {
            let (silence, report) = try await Self.cut(hasWorkerHere: false)

            print("all workers behind a cut cable: \(report); out after \(silence)")
            #expect(report.failed > 0)
            #expect(report.expired > 0)
            #expect(report.failures.allSatisfy { $0.hasPrefix("504 ") || $0.hasPrefix("503 ") }, "\(report)")
            #expect(silence < .seconds(1))
        }

        /// Cuts the cable between a front and a worker under load and mends it; another worker may be beside the front.
        ///
        /// Returns after how long the one that was cut off was out, and what came of the requests.
        ///
        /// Both hosts reach etcd all the time: nothing but the connection tells that the worker is away.
        private static func cut(hasWorkerHere: Bool) async throws -> (silence: Duration, report: OpenLoad.Report) {
            let hosts = try await HostPair()
            let fleet = try await Fleet(
                of: hosts, configuration: FleetTests.configuration + "queue: {default_timeout_ms: 3000}\n")
            let front = try await fleet.front("front", on: hosts.near)
            let far = try await fleet.worker("far", on: hosts.far)
            let near = hasWorkerHere ? try await fleet.worker("near", on: hosts.near) : nil
            let others = hasWorkerHere ? 1 : 0
            try await Fleet.wait(front, forHosts: others + 1)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (silence, report) = try await load.during(steps: {
                let cut = ContinuousClock.now
                try await hosts.cut()
                try await Fleet.wait(front, for: "without the far one") { deployment in
                    deployment.readyReplicas == others
                        && deployment.serving?.replicas.contains { $0.state == "out" } == true
                }
                let silence = ContinuousClock.now - cut
                // Longer than requests have.
                try await Fleet.wait(front, for: "without the far one for a while") { deployment in
                    deployment.serving?.replicas.contains { $0.state == "out" && $0.ageS > 3 } == true
                }
                try await hosts.mend()
                try await Fleet.wait(front, forHosts: others + 1)
                // All are answered again.
                _ = try await Fleet.rate(at: front)
                withExtendedLifetime((fleet, far, near)) {}
                return silence
            })
            return (silence, report)
        }
    }
}
