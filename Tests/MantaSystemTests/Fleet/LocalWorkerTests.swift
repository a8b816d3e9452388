import Foundation
import MantaTestKit
import Testing

extension OperationTests.FleetTests {
    @Suite("Workers that a front starts itself")
    struct LocalWorkerTests {
        @Test("one that is killed comes back and no request is lost; all of them end with their front")
        func life() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\n")
            let front = try await fleet.front("front", hosts: true, ["--local-workers", "2"])
            try await Fleet.wait(front, forHosts: 2)
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: front.port, requests: requests, count: 300)
            let load = OpenLoad(port: front.port, requests: requests, perSecond: 0.35 * capacity)
            let first = Self.workers(of: front)
            try #require(first.count == 2)

            let (_, report) = try await load.during(steps: {
                kill(first[0], SIGKILL)
                try await Fleet.wait(front, for: "without the killed one") { $0.readyReplicas == 1 }
                try await Fleet.wait(front, for: "on both again") { $0.readyReplicas == 2 }
            })

            print("a front's own workers: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(
                front.log.contains("A worker has ended and is started again after_s=0.1 reason=\"signal 9\" worker="))
            let workers = Self.workers(of: front)
            #expect(workers.count == 3)
            front.signal(SIGTERM)
            #expect(await front.exitStatus() == 0)
            for worker in workers { #expect(Self.hasEnded(worker)) }
            #expect(front.log.ranges(of: "Manta has stopped worker=").count == 2, "\(front.log)")
            #expect(!front.log.contains("doesn't end and is killed"))
        }

        @Test("workers don't outlive a front that is killed")
        func killed() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\n")
            let front = try await fleet.front("front", hosts: true, ["--local-workers", "2"])
            try await Fleet.wait(front, forHosts: 2)

            front.signal(SIGKILL)

            // Their standard error is the front's: it ends with the last of them.
            #expect(await front.exitStatus() == -SIGKILL)
            for worker in Self.workers(of: front) { #expect(Self.hasEnded(worker)) }
        }

        @Test("a front that goes while another one serves has its workers' replicas moved first")
        func handover() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\nreplicas: 1\n")
            let front = try await fleet.front("front", hosts: true, ["--local-workers", "1"])
            try await Fleet.wait(front, forHosts: 1)
            // No replica moves to its worker as long as the other one is there.
            let other = try await fleet.front("other", hosts: true, ["--local-workers", "1"])
            try await Fleet.wait(other, forHosts: 1)
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: other.port, requests: requests, count: 300)
            let load = OpenLoad(port: other.port, requests: requests, perSecond: 0.35 * capacity)

            let (_, report) = try await load.during(steps: {
                front.signal(SIGTERM)
                #expect(await front.exitStatus() == 0)
            })

            #expect(report.failed == 0, "\(report)")
            try await Fleet.wait(other, forHosts: 1)
            #expect(await other.logContains("version 1 serves with 1 replica\" worker=0"))
            #expect(front.log.contains("Manta has stopped worker=0"))
        }

        @Test("as many workers are started as replicas need")
        func asNeeded() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\n")
            let front = try await fleet.front("front", hosts: true, ["--local-workers", "0..2"])
            try await Fleet.wait(front, forHosts: 1)

            #expect(
                front.log.contains(
                    "Workers are started by=\"local processes\" from=0 reason=\"replicas wait for room: m@1-")
            )
            #expect(Self.workers(of: front).count == 1)
            front.signal(SIGTERM)
            #expect(await front.exitStatus() == 0)
        }

        /// The numbers of the processes that a front has started so far.
        private static func workers(of front: ServerProcess) -> [Int32] {
            front.log.matches(of: /A worker is started pid=([0-9]+) worker/).compactMap { Int32($0.output.1) }
        }

        /// Whether there is no such process, or one that only waits for somebody to ask what became of it (proc(5)).
        private static func hasEnded(_ pid: Int32) -> Bool {
            let line = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            let state = line?.split(separator: ")").last?.split(separator: " ").first
            return state == nil || state == "Z" || state == "X"
        }
    }
}
