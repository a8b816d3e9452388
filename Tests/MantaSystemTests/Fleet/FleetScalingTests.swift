import Foundation
import MantaTestKit
import Testing

extension OperationTests.FleetTests {
    @Suite("Replicas of a fleet that follow its load")
    struct FleetScalingTests {
        @Test(
            """
            load makes more of them, on two workers, whoever leads; its end makes fewer; what an operator says counts \
            instead
            """)
        func load() async throws {
            let fleet = try await Fleet(
                configuration: """
                    batching: {max_batch_size: 0}
                    autoscaling: {min_replicas: 1, max_replicas: 2, target_ongoing_requests: 0.1, downscale_delay_s: 10}
                    """)
            let leader = try await fleet.front("leader")
            let first = try await fleet.worker("first")
            try await Fleet.wait(leader, forHosts: 1)
            let second = try await fleet.worker("second")
            let follower = try await fleet.front("follower")
            try await Fleet.wait(follower, forHosts: 1)
            let load = Fleet.load(Fleet.Rate(capacity: 200), on: follower)

            let begin = ContinuousClock.now
            let (times, report) = try await load.during(steps: {
                let more = try await Fleet.wait(follower, for: "on both workers") { deployment in
                    deployment.scale.replicas == 2 && deployment.readyReplicas == 2
                }
                let up = ContinuousClock.now - begin
                #expect(more.scale.mode == "autoscaled")
                #expect(more.decisions.last?.to == 2 && more.decisions.last?.reason.isEmpty == false, "\(more)")
                leader.signal(SIGKILL)
                #expect(await follower.logContains("Leads the fleet"))
                // For longer than the delay, while it is watched that nothing becomes less.
                try await onThread {
                    let admin = try OperatorClient(port: follower.adminPort)
                    let end = ContinuousClock.now + .seconds(13)
                    while .now < end { #expect(try admin.status(of: "m").scale.replicas == 2) }
                }
                return up
            })
            let ended = ContinuousClock.now
            try await Fleet.wait(follower, for: "on one worker") { deployment in
                deployment.scale.replicas == 1 && deployment.readyReplicas == 1
            }

            print("a fleet scaled out after \(times), in after \(ContinuousClock.now - ended): \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(leader.log.contains("Replicas follow the load from=1 model=m reason="), "\(leader.log)")
            try await onThread {
                _ = try OperatorClient(port: follower.adminPort).scale("m", #"{"replicas": 2}"#)
            }
            try await Fleet.wait(follower, for: "pinned") { deployment in
                deployment.scale.mode == "pinned" && deployment.readyReplicas == 2 && deployment.decisions.isEmpty
            }
            withExtendedLifetime((fleet, first, second)) {}
        }

        @Test("one that nobody asks has no replica, and the first request waits for one, also at a front that is new")
        func toZero() async throws {
            let fleet = try await Fleet(
                configuration: "autoscaling: {min_replicas: 0, max_replicas: 1, downscale_delay_s: 10}\n")
            let front = try await fleet.front("front")
            let worker = try await fleet.worker("worker")
            try await Fleet.wait(front, forHosts: 1)
            for (index, front) in [front, try await fleet.front("other")].enumerated() {
                try await Fleet.wait(front, for: "asleep") { $0.state == "asleep" && $0.versions.count == 1 }
                try await Fleet.wait(front, for: "without a replica") { $0.scale.replicas == 0 }
                // It stays at its worker for a moment, for requests that fronts may have sent there.
                try await Self.wait(until: worker, hasEndedModels: index + 1)
                let begin = ContinuousClock.now
                let reply = try await onThread {
                    let client = try SocketClient(port: front.port)
                    try client.send(OpenLoad.Request.echoes(of: "m")[0].bytes)
                    return try client.reply()
                }
                print("a request to a sleeping model took \(ContinuousClock.now - begin)")
                #expect(reply.status == 200, "\(reply)")
            }
            withExtendedLifetime(fleet) {}
        }

        private static func wait(until worker: ServerProcess, hasEndedModels count: Int) async throws {
            try await onThread {
                let deadline = ContinuousClock.now + .seconds(30)
                while worker.log.ranges(of: "the deployment has finished and is gone").count < count {
                    guard .now < deadline else { throw SocketClient.Failure("\(count) not ended: \(worker.log)") }
                    Thread.sleep(forTimeInterval: 0.02)
                }
            }
        }
    }
}
