import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

extension OperationTests.FleetTests {
    @Suite("Fronts that host replicas")
    struct HostingFrontTests {
        @Test(
            """
            a front serves without workers; one that joins takes its part, and none of the requests is lost when it is \
            killed, which the front's own replica then answers all
            """)
        func worker() async throws {
            let fleet = try await Fleet(configuration: OperationTests.FleetTests.configuration)
            let front = try await fleet.front("front", hosts: true)
            try await Fleet.wait(front, forHosts: 1)
            #expect(try await Self.answers(front) == 200)
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 2)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (_, report) = try await load.during(steps: {
                worker.signal(SIGKILL)
                try await Fleet.wait(front, for: "without the killed one for a while") { deployment in
                    deployment.readyReplicas == 1
                        && deployment.serving?.replicas.contains { $0.state == "out" && $0.ageS > 3 } == true
                }
            })

            print("a front's own replica beside a killed worker: \(report)")
            #expect(report.failed == 0, "\(report)")
            front.signal(SIGTERM)
            #expect(await front.exitStatus() == 0)
        }

        @Test(
            """
            of two fronts that host, each has batches run by the other, with the fleet's token; one that is stopped under \
            load has its replica replaced by the other first, which loses no request
            """)
        func drain() async throws {
            let fleet = try await Fleet(configuration: OperationTests.FleetTests.configuration + "replicas: 1\n")
            try fleet.folder.write(UUID().uuidString, to: "token")
            let token = "\(fleet.folder.path)/token"
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: token)
            let first = try await fleet.front("first", hosts: true, ["--fleet-token-file", token])
            try await Fleet.wait(first, forHosts: 1)
            let second = try await fleet.front("second", hosts: true, ["--fleet-token-file", token])
            try await Fleet.wait(second, forHosts: 1)
            // Its clients need no token.
            #expect(try await Self.answers(second) == 200)
            let load = Fleet.load(try await Fleet.rate(at: second), on: second)

            let (status, report) = try await load.during(steps: {
                first.signal(SIGTERM)
                let status = await first.exitStatus()
                try await Fleet.wait(second, for: "on the other one") { deployment in
                    deployment.readyReplicas == 1 && deployment.serving?.replicas.count == 1
                }
                return status
            })

            print("a hosting front that is stopped: \(report)")
            #expect(status == 0)
            #expect(report.failed == 0, "\(report)")
            #expect(first.log.contains("version 1 finishes what it has and goes"), "\(first.log)")
        }

        @Test("a front that hosts nothing leaves a model without a replica until a worker is there")
        func dedicated() async throws {
            let fleet = try await Fleet(configuration: OperationTests.FleetTests.configuration)
            let front = try await fleet.front("front")
            try await Fleet.wait(front, for: "without a node") { $0.versions.first?.reason != nil }
            #expect(try await Self.answers(front) == 503)
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 1)
            #expect(try await Self.answers(front) == 200)
            withExtendedLifetime(worker) {}
        }

        @Test("when a front that hosts loses etcd, its replica serves on, also once its lease has ended")
        func withoutEtcd() async throws {
            let fleet = try await Fleet(configuration: OperationTests.FleetTests.configuration)
            let front = try await fleet.front("front", hosts: true)
            try await Fleet.wait(front, forHosts: 1)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (_, report) = try await load.during(steps: {
                fleet.etcd[0].kill()
                // A lease lives ten seconds.
                try await Task.sleep(for: .seconds(15))
                try await fleet.etcd[0].start()
                try await Fleet.wait(front, forHosts: 1)
            })

            print("a hosting front without etcd: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(!front.log.contains("version 1 finishes what it has and goes"), "\(front.log)")
        }

        /// The status of a request for the model.
        private static func answers(_ front: ServerProcess) async throws -> Int {
            try await onThread {
                let client = try SocketClient(port: front.port)
                try client.send(OpenLoad.Request.echoes(of: "m")[0].bytes)
                return try client.reply().status
            }
        }
    }
}
