import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("A fleet")
    struct FleetTests {
        static let configuration = "batching: {max_batch_size: 0}\n"
        /// Within which another front leads and has made a change: a lease, and time for the work.
        static let longestTakeover = Duration.seconds(15)

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
            let rate = try await Fleet.rate(at: front)
            let load = Fleet.load(rate, on: front)

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

            print("a fleet's workers, \(rate): \(report); stopped worker out after \(silence)")
            #expect(report.failed == 0, "\(report)")
            #expect(report.versions == ["1", "2"])
            #expect(silence < .seconds(1))
        }

        @Test(
            """
            for a minute without etcd, a worker is killed and a front started again, and no request is lost, though a \
            front without a snapshot serves none; once it is back, changes go on and nothing that serves is begun anew
            """)
        func withoutEtcd() async throws {
            let fleet = try await Fleet(configuration: Self.configuration)
            let front = try await fleet.front("front")
            let other = try await fleet.front("other")
            let (first, second) = (try await fleet.worker("first"), try await fleet.worker("second"))
            try await Fleet.wait(front, forHosts: 2)
            try await Fleet.wait(other, forHosts: 2)
            let rate = try await Fleet.rate(at: front)
            try await fleet.wait(untilSnapshotOf: "other", hasReady: 2)

            let (_, report) = try await Fleet.load(rate, on: front).during(steps: {
                fleet.etcd[0].kill()
                let end = ContinuousClock.now + .seconds(60)
                first.signal(SIGKILL)
                try await Fleet.wait(front, for: "without the killed one") { $0.readyReplicas == 1 }
                other.signal(SIGKILL)
                let newcomer = try await fleet.front("newcomer")
                let (again, unserved) = try await Fleet.load(rate, on: newcomer).during(steps: {
                    let again = try await fleet.front("other")
                    let begun = ContinuousClock.now
                    try await Fleet.wait(again, for: "served from the snapshot") { $0.readyReplicas == 1 }
                    print("a front without etcd serves after \(ContinuousClock.now - begun)")
                    return again
                })
                print("a front without etcd and without a snapshot: \(unserved)")
                #expect(unserved.failed == unserved.sent && unserved.sent > 0, "\(unserved)")
                // Both fronts ask the one worker that is left.
                let (_, served) = try await Fleet.load(rate.half, on: again).during(steps: {
                    try await Task.sleep(until: end)
                })
                print("a front that was started without etcd, \(rate.half): \(served)")
                #expect(served.failed == 0, "\(served)")

                try await fleet.etcd[0].start()
                try await Fleet.wait(newcomer, forHosts: 1)
                let third = try await fleet.worker("third")
                try await Fleet.wait(front, for: "on a new worker") { $0.readyReplicas == 2 }
                withExtendedLifetime((again, third)) {}
            })

            print("a minute without etcd, \(rate): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(!second.log.contains("finishes what it has and goes"), "\(second.log)")
        }

        @Test("a worker that stops in good order goes once its replica is replaced, and no request is lost")
        func drain() async throws {
            let (status, report) = try await Self.ended(by: SIGTERM, then: "on the other one") { deployment in
                deployment.readyReplicas == 1 && deployment.serving?.replicas.count == 1
            }

            print("a worker that is replaced before it goes: \(report)")
            #expect(status == 0)
            #expect(report.failed == 0, "\(report)")
        }

        @Test("when the leading front is killed, another one leads within the time of a lease, and changes go on")
        func leader() async throws {
            let fleet = try await Fleet(configuration: Self.configuration + "replicas: 1\n")
            let leader = try await fleet.front("leader")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(leader, forHosts: 1)
            let follower = try await fleet.front("follower")
            try await Fleet.wait(follower, forHosts: 1)
            let rate = try await Fleet.rate(at: follower)
            let load = Fleet.load(rate, on: follower)

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

            print("another front leads after \(takeover), \(rate): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(takeover < Self.longestTakeover)
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

        @Test(
            "files that a model's configuration names count in a fleet: samples keep what can't run them from being served, and labels name classes"
        )
        func files() async throws {
            let fleet = try await Fleet(
                configuration: """
                    batching: {max_batch_size: 8}
                    outputs: [{name: y, labels: labels.txt}]
                    warmup: {samples: [{inputs: [{name: x, datatype: FP32, shape: [4], file: sample.bin}]}]}

                    """)
            try fleet.folder.write("ant\nbee\ncat\ndog\n", to: "models/m/labels.txt")
            try fleet.folder.write("short", to: "models/m/sample.bin")
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, for: "kept from serving") { deployment in
                deployment.versions.contains { $0.reason?.contains("5 bytes") == true }
            }

            try fleet.folder.write(String(repeating: "\0", count: 16), to: "models/m/sample.bin")
            try await Fleet.wait(front, forHosts: 1)
            let body = #"""
                {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 4, 3, 2]}],
                "outputs": [{"name": "y", "parameters": {"classification": 2}}]}
                """#
            let reply = try await onThread {
                try InferenceClient(port: front.port).request("POST", "/v2/models/m/infer", body: body)
            }
            #expect(reply.text.contains(#"["4.000000:1:bee","3.000000:2:cat"]"#), "\(reply.text)")
            withExtendedLifetime(worker) {}
        }

        @Test("while a worker is stopped, requests fail only if their time is over before it is out, and say so")
        func deadlines() async throws {
            let (silence, report) = try await Self.stopped(configuration: "queue: {default_timeout_ms: 300}\n")

            print("a stopped worker, requests with 300 ms: \(report); out after \(silence)")
            #expect(report.failed > 0 && report.failed == report.expired, "\(report)")
            // The 20 ms are those after which it is looked again, the rest what a look takes.
            #expect(silence < .seconds(1) + .milliseconds(20 + 80))
        }

        @Test("clients notice nothing when an etcd of three members loses its leader, or any other one")
        func members() async throws {
            let fleet = try await Fleet(members: 3, configuration: Self.configuration)
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 1)
            let rate = try await Fleet.rate(at: front)
            let load = Fleet.load(rate, on: front)

            let (_, report) = try await load.during(steps: {
                for member in fleet.etcd {
                    member.kill()
                    // The members that are left may be electing.
                    try await Self.scale(front, attempts: 20)
                    try await member.start()
                }
            })

            print("etcd's members killed one after the other, \(rate): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(!worker.log.contains("version 1 finishes what it has and goes"), "\(worker.log)")
        }

        /// Stops one of two workers where it is, under load, and lets it go on; returns after how long it was out, and
        /// what came of the requests.
        static func stopped(configuration: String) async throws -> (silence: Duration, report: OpenLoad.Report) {
            let fleet = try await Fleet(configuration: Self.configuration + configuration)
            let front = try await fleet.front("front")
            let (first, second) = (try await fleet.worker("first"), try await fleet.worker("second"))
            try await Fleet.wait(front, forHosts: 2)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (silence, report) = try await load.during(steps: {
                let stopped = ContinuousClock.now
                first.signal(SIGSTOP)
                try await Fleet.wait(front, for: "without the stopped one") { deployment in
                    deployment.serving?.replicas.contains { $0.state == "out" } == true
                }
                let silence = ContinuousClock.now - stopped
                first.signal(SIGCONT)
                try await Fleet.wait(front, forHosts: 2)
                withExtendedLifetime((fleet, second)) {}
                return silence
            })
            return (silence, report)
        }

        /// Ends, under load, the one of two workers that has the only replica.
        ///
        /// - Parameters:
        ///   - signal: How it ends.
        ///   - what: What is waited for then, in words.
        ///   - isRight: Whether a deployment is like that.
        /// - Returns: The worker's exit status, and what came of the requests.
        /// - Throws: ``SocketClient/Failure`` if it doesn't become like that.
        static func ended(
            by signal: Int32, then what: String, isRight: @escaping @Sendable (OperatorClient.Deployment) -> Bool
        ) async throws -> (status: Int32, report: OpenLoad.Report) {
            let fleet = try await Fleet(
                configuration: configuration + "replicas: 1\nqueue: {default_timeout_ms: 3000}\n")
            let front = try await fleet.front("front")
            let first = try await fleet.worker("first")
            try await Fleet.wait(front, forHosts: 1)
            let second = try await fleet.worker("second")
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (status, report) = try await load.during(steps: {
                first.signal(signal)
                let status = await first.exitStatus()
                try await Fleet.wait(front, for: what, until: isRight)
                withExtendedLifetime((fleet, second)) {}
                return status
            })
            return (status, report)
        }

        /// Has a front change how many replicas there are to be, with so many tries.
        static func scale(_ front: ServerProcess, attempts: Int) async throws {
            try await onThread { [port = front.adminPort] in
                let admin = try OperatorClient(port: port)
                for attempt in 1... {
                    do {
                        _ = try admin.scale("m", #"{"replicas": \#(Int.random(in: 1...4))}"#)
                        return
                    } catch {
                        guard attempt < attempts else { throw error }
                    }
                }
            }
        }
    }
}
