import Logging
import MantaRuntime
import MantaTestKit
import MantaTime
import Testing

@testable import MantaFleet

@Suite("A leader's workers", .timeLimit(.minutes(1)))
struct NodeManagerTests {
    private let time = ManualTime()

    private func manager(_ provider: FakeNodes, _ count: ClosedRange<Int>, cpus: Int = 4) -> NodeManager {
        NodeManager(
            provider, .init(count: count, idleTime: .seconds(60), shape: .init(Resources(cpus: Amount(cpus)))),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, time: time)
    }

    /// Runs the manager beside a body.
    private func running(_ manager: NodeManager, _ body: () async throws -> Void) async rethrows {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await manager.run() }
            try await body()
            group.cancelAll()
        }
    }

    private func eventually(_ isSo: () -> Bool) async {
        while !isSo() { await Task.yield() }
    }

    private func deployment(_ replicas: Int?, cpus: Int) -> DeploymentRecord {
        var record = DeploymentRecord.of("m", version: 1, replicas: replicas)
        record.needs.cpus = cpus * 1000
        return record
    }

    @Test("what has no place starts workers, says so, and gets them; idle ones end")
    func upAndDown() async throws {
        let provider = FakeNodes(0)
        let manager = manager(provider, 0...5)
        var fleet = FleetModel(workers: [])
        fleet.wanted = [deployment(3, cpus: 2)]
        try await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks > 0 }
            fleet.step(manager, at: time.now)
            await eventually { provider.asked == [2] }
            let group = try #require(fleet.state.deployments["m"]?.versions.first?.name)
            #expect(
                fleet.state.deployments["m"]?.pending[group]
                    == "3 replicas can't be placed: there are no nodes; a worker that has room is being started")

            for name in ["w0", "w1"] { fleet.join(name) }
            fleet.step(manager, at: time.now)
            #expect(fleet.hosts(of: "m").values.sorted() == [1, 2])
            #expect(fleet.state.deployments["m"]?.pending == [:])

            fleet.wanted = [deployment(1, cpus: 2)]
            fleet.step(manager, at: time.now)
            let host = try #require(fleet.hosts(of: "m").keys.first)
            time.advance(by: .seconds(61))
            fleet.step(manager, at: time.now)
            if host == "w0" { await eventually { provider.asked == [2, 1] } }
            #expect(fleet.hosts(of: "m") == [host: 1])
        }
    }

    @Test("nothing is placed on a worker that is to go")
    func cordon() async throws {
        let provider = FakeNodes(2)
        let manager = manager(provider, 1...2)
        var fleet = FleetModel(workers: ["w0", "w1"])
        await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks > 0 }
            fleet.step(manager, at: time.now)
            time.advance(by: .seconds(61))
            fleet.step(manager, at: time.now)
            await eventually { provider.asked == [1] }
            fleet.wanted = [deployment(2, cpus: 0)]
            fleet.step(manager, at: time.now)
            #expect(fleet.hosts(of: "m") == ["w0": 2])
        }
    }

    @Test("one replica on each worker asks for a first worker and no more, and keeps one")
    func everywhere() async throws {
        let provider = FakeNodes(0)
        let manager = manager(provider, 0...5)
        var fleet = FleetModel(workers: [])
        fleet.wanted = [deployment(nil, cpus: 3)]
        await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks > 0 }
            fleet.step(manager, at: time.now)
            await eventually { provider.asked == [1] }
            for name in ["w0", "other"] { fleet.join(name) }
            fleet.step(manager, at: time.now)
            #expect(fleet.hosts(of: "m") == ["w0": 1, "other": 1])
            // The other one, which somebody started by hand, does as the one that serves.
            time.advance(by: .seconds(61))
            fleet.step(manager, at: time.now)
            time.advance(by: .seconds(61))
            fleet.step(manager, at: time.now)
            await eventually { provider.asked == [1, 0] }
            fleet.state.nodes["w0"] = nil
            fleet.step(manager, at: time.now)
            time.advance(by: .seconds(61))
            fleet.step(manager, at: time.now)
            #expect(provider.asked == [1, 0])
        }
    }

    @Test("what no worker could take starts none, and the deployment says why")
    func never() async throws {
        let provider = FakeNodes(0)
        let manager = manager(provider, 0...5)
        var fleet = FleetModel(workers: [])
        fleet.wanted = [deployment(1, cpus: 5)]
        try await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks > 0 }
            fleet.step(manager, at: time.now)
            let pending = try #require(fleet.state.deployments["m"]?.pending.values.first)
            #expect(
                pending == """
                    a replica can't be placed: there are no nodes; no worker is started, since it would have 4 cpus and 5 \
                    cpus would be needed
                    """)
            #expect(provider.asked.isEmpty)
        }
    }

    @Test("a provider that fails is asked again with growing delays, and deployments say why nothing comes")
    func failure() async throws {
        let provider = FakeNodes(0)
        let manager = manager(provider, 0...5)
        var fleet = FleetModel(workers: [])
        fleet.wanted = [deployment(1, cpus: 1)]
        try await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks == 1 }
            provider.fail(NodeProviderError("it is away"))
            for (looks, delay) in [(2, 1), (3, 2), (4, 4)] {
                fleet.step(manager, at: time.now)
                await eventually { provider.looks == looks }
                fleet.step(manager, at: time.now)
                await time.sleeperExists(until: time.now + .seconds(delay))
                #expect(provider.looks == looks)
                time.advance(by: .seconds(delay))
            }
            let pending = try #require(fleet.state.deployments["m"]?.pending.values.first)
            #expect(pending.hasSuffix("; no worker can be started: it is away"), "\(pending)")
            provider.fail(nil)
            await eventually { provider.asked == [1] }
        }
    }

    @Test("a provider that never answered is told of too")
    func unreachable() async throws {
        let provider = FakeNodes(0)
        provider.fail(NodeProviderError("it is away"))
        let manager = manager(provider, 0...5)
        var fleet = FleetModel(workers: [])
        fleet.wanted = [deployment(nil, cpus: 1)]
        try await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks == 1 }
            await time.sleeperExists(until: time.now + .seconds(1))
            fleet.step(manager, at: time.now)
            let pending = try #require(fleet.state.deployments["m"]?.pending.values.first)
            #expect(
                pending
                    == "a replica can't be placed: there are no workers; no worker can be started: it is away")
        }
    }

    @Test("a node that doesn't lead asks for nothing")
    func follower() async throws {
        let provider = FakeNodes(0)
        let manager = manager(provider, 1...5)
        var fleet = FleetModel(workers: [])
        await running(manager) {
            await time.sleeperExists(until: time.now + .seconds(15))
            time.advance(by: .seconds(15))
            await time.sleeperExists(until: time.now + .seconds(15))
            #expect(provider.looks == 0)
            fleet.step(manager, at: time.now)
            await eventually { provider.looks == 1 }
            manager.follow()
            await time.sleeperExists(until: time.now + .seconds(15))
            time.advance(by: .seconds(15))
            await time.sleeperExists(until: time.now + .seconds(15))
            #expect(provider.looks == 1 && provider.asked.isEmpty)
        }
    }

    @Test("what somebody else asked for is seen, and decided from")
    func others() async throws {
        let provider = FakeNodes(1)
        let manager = manager(provider, 1...5)
        var fleet = FleetModel(workers: ["w0"])
        await running(manager) {
            fleet.step(manager, at: time.now)
            await eventually { provider.looks == 1 }
            provider.scale(to: 9)
            await time.sleeperExists(until: time.now + .seconds(15))
            time.advance(by: .seconds(15))
            await eventually { provider.looks == 2 }
            fleet.step(manager, at: time.now)
            await eventually { provider.asked == [5] }
        }
    }
}
