import Foundation
import MantaTestKit
import Testing

/// What ``OperationTests/FleetTests/leader()`` does, without the other front. Beside the other tests: it waits for most of
/// its time, and measures nothing.
@Suite("A fleet that nobody leads", .timeLimit(.minutes(5)))
struct LeaderlessFleetTests {
    @Test(
        "a change waits while no front is left to lead, for longer than another one took, and is made by the next")
    func noOtherLeader() async throws {
        let fleet = try await Fleet(configuration: OperationTests.FleetTests.configuration + "replicas: 1\n")
        let leader = try await fleet.front("leader")
        let worker = try await fleet.worker("worker")
        try await Fleet.wait(leader, forHosts: 1)
        let follower = try await fleet.front("follower")
        try await Fleet.wait(follower, forHosts: 1)

        leader.signal(SIGKILL)
        try await onThread {
            _ = try OperatorClient(port: follower.adminPort).scale("m", #"{"replicas": 3}"#)
        }
        follower.signal(SIGKILL)
        // That something doesn't happen takes as long as it has to happen within elsewhere.
        try await Task.sleep(for: OperationTests.FleetTests.longestTakeover)
        #expect(!worker.log.contains("replica 2 is ready"), "\(worker.log)")

        let next = try await fleet.front("next")
        #expect(await worker.logContains("replica 2 is ready"))
        withExtendedLifetime(next) {}
    }
}
