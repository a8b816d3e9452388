import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("A fleet")
    struct FleetTests {
        private static let configuration = "batching: {max_batch_size: 0}\n"

        @Test(
            """
            workers that are killed, stopped where they are, or drained, and an update, lose no request; models reach \
            workers without a common disk
            """)
        func workers() async throws {
            let fleet = try await Fleet(configuration: Self.configuration)
            let front = try await fleet.front("front")
            let first = try await fleet.worker("first")
            let second = try await fleet.worker("second")
            try await Fleet.wait(front, forHosts: 2)
            let load = try await Self.load(on: front)

            let (silence, report) = try await load.during(steps: {
                first.signal(SIGKILL)
                try await Fleet.wait(front, for: "without the killed one") { $0.readyReplicas == 1 }
                let third = try await fleet.worker("third")
                try await Fleet.wait(front, for: "on another one") { $0.readyReplicas == 2 }

                let stopped = ContinuousClock.now
                second.signal(SIGSTOP)
                try await Fleet.wait(front, for: "without the stopped one") { deployment in
                    deployment.serving?.replicas.contains { $0.state == "out" && $0.ageS < 3 } == true
                        && deployment.readyReplicas == 1
                }
                let silence = ContinuousClock.now - stopped
                second.signal(SIGCONT)
                try await Fleet.wait(front, for: "on both again") { $0.readyReplicas == 2 }

                try fleet.folder.copy(fromRepository: OperatedModel.file("echo"), to: "models/m/2/model.onnx")
                try await Fleet.wait(front, for: "updated") { deployment in
                    deployment.state == "ready" && deployment.serving?.version == 2 && deployment.readyReplicas == 2
                }

                third.signal(SIGTERM)
                #expect(await third.exitStatus() == 0)
                return silence
            })

            print("a fleet's workers: \(report); stopped worker out after \(silence)")
            #expect(report.failed == 0, "\(report)")
            #expect(report.versions == ["1", "2"])
            #expect(silence < .seconds(1))
        }

        @Test(
            """
            without etcd a worker may be killed and a front started again, and no request is lost; once it is back, \
            changes go on and nothing that serves is begun anew
            """)
        func withoutEtcd() async throws {
            let fleet = try await Fleet(configuration: Self.configuration)
            let front = try await fleet.front("front")
            let other = try await fleet.front("other")
            let (first, second) = (try await fleet.worker("first"), try await fleet.worker("second"))
            try await Fleet.wait(front, forHosts: 2)
            try await Fleet.wait(other, forHosts: 2)
            let load = try await Self.load(on: front)
            try await fleet.wait(untilSnapshotOf: "other", hasReady: 2)

            let (_, report) = try await load.during(steps: {
                fleet.etcd[0].kill()
                first.signal(SIGKILL)
                try await Fleet.wait(front, for: "without the killed one") { $0.readyReplicas == 1 }
                other.signal(SIGKILL)
                let again = try await fleet.front("other")
                let begun = ContinuousClock.now
                try await Fleet.wait(again, for: "served from the snapshot") { $0.readyReplicas == 1 }
                print("a front without etcd serves after \(ContinuousClock.now - begun)")
                let answer = try await onThread {
                    try SocketClient(port: again.port).request("GET", "/v2/models/m/ready").status
                }
                #expect(answer == 200)

                try await fleet.etcd[0].start()
                let third = try await fleet.worker("third")
                try await Fleet.wait(front, for: "on a new worker") { $0.readyReplicas == 2 }
                withExtendedLifetime((again, third)) {}
            })

            print("without etcd: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(!second.log.contains("finishes what it has and goes"), "\(second.log)")
        }

        @Test("when the leading front is killed, another one leads within the time of a lease, and changes go on")
        func leader() async throws {
            let fleet = try await Fleet(configuration: Self.configuration + "replicas: 1\n")
            let leader = try await fleet.front("leader")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(leader, forHosts: 1)
            let follower = try await fleet.front("follower")
            try await Fleet.wait(follower, forHosts: 1)
            let load = try await Self.load(on: follower)

            let (takeover, report) = try await load.during(steps: {
                leader.signal(SIGKILL)
                let killed = ContinuousClock.now
                try await onThread {
                    _ = try OperatorClient(port: follower.adminPort).scale("m", #"{"replicas": 3}"#)
                }
                #expect(await worker.logContains("serves with 1 replica"))
                try await Fleet.wait(follower, for: "scaled") { $0.scale.replicas == 3 }
                #expect(await worker.logContains("replica 2 is ready"))
                return ContinuousClock.now - killed
            })

            print("another front leads after \(takeover): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(takeover < .seconds(20))
        }

        @Test(
            """
            a model that needs more than workers have says so, is served once one joins that has it, and isn't loaded \
            again when it needs more than that
            """)
        func needs() async throws {
            let needs = "replicas: 2\nresources: {cpus: 2}\nplacement: {labels: {zone: a}}\n"
            let fleet = try await Fleet(configuration: Self.configuration + needs)
            let front = try await fleet.front("front")
            let small = try await fleet.worker("small", ["--cpus", "1", "--label", "zone=a"])
            let other = try await fleet.worker("other", ["--cpus", "8"])

            let pending = try await Fleet.wait(front, for: "pending") { deployment in
                deployment.warnings.contains { $0.contains("no label zone") && $0.contains("has 1 free") }
            }
            let warning = try #require(pending.warnings.first)
            #expect(warning.hasPrefix("2 replicas can't be placed: needs 2 cpus and label zone=a; node "), "\(warning)")
            #expect(pending.state == "loading" && pending.versions.map(\.reason) == [warning])

            let large = try await fleet.worker("large", ["--cpus", "3.5", "--label", "zone=a"])
            try await Fleet.wait(front, for: "on the large one") { deployment in
                deployment.state == "ready" && deployment.readyReplicas == 1 && deployment.scale.replicas == 2
                    && deployment.warnings.first?.hasPrefix("a replica can't be placed: needs 2 cpus") == true
            }
            let answer = try await onThread {
                try SocketClient(port: front.port).request("GET", "/v2/models/m/ready").status
            }
            #expect(answer == 200)

            let more = needs.replacing("cpus: 2", with: "cpus: 1.75")
            try fleet.folder.write(Self.configuration + more, to: "models/m/model.yaml")
            let both = try await Fleet.wait(front, for: "with both replicas") { deployment in
                deployment.serving?.replicas.first?.count == 2 && deployment.warnings.isEmpty
            }
            #expect(both.readyReplicas == 1 && both.serving?.replicas.count == 1)

            let most = needs.replacing("cpus: 2", with: "cpus: 16")
            try fleet.folder.write(Self.configuration + most, to: "models/m/model.yaml")
            try await Fleet.wait(front, for: "without room") { deployment in
                deployment.warnings.first?.hasPrefix("2 replicas can't be moved: needs 16 cpus") == true
            }
            let after = try await Fleet.wait(front, for: "as before") { $0.serving?.replicas.first?.count == 2 }
            #expect(after.state == "ready")
            #expect(large.log.ranges(of: "version 1 is being loaded").count == 1, "\(large.log)")
            withExtendedLifetime((small, other)) {}
        }

        @Test("clients notice nothing when an etcd of three members loses its leader, or any other one")
        func members() async throws {
            let fleet = try await Fleet(members: 3, configuration: Self.configuration)
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 1)
            let load = try await Self.load(on: front)

            let (_, report) = try await load.during(steps: {
                for member in fleet.etcd {
                    member.kill()
                    try await onThread { [port = front.adminPort] in
                        let admin = try OperatorClient(port: port)
                        // The members that are left may be electing.
                        for attempt in 1... {
                            do {
                                _ = try admin.scale("m", #"{"replicas": \#(Int.random(in: 1...4))}"#)
                                break
                            } catch {
                                guard attempt < 20 else { throw error }
                            }
                        }
                    }
                    try await member.start()
                }
            })

            print("etcd's members killed one after the other: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(!worker.log.contains("version 1 finishes what it has and goes"), "\(worker.log)")
        }

        /// A third of what a front's fleet can take: half of the workers may go.
        private static func load(on front: ServerProcess) async throws -> OpenLoad {
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: front.port, requests: requests, count: 300)
            return OpenLoad(port: front.port, requests: requests, perSecond: 0.35 * capacity)
        }
    }
}
