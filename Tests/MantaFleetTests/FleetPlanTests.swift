import MantaRuntime
import MantaTime
import Testing

@testable import MantaFleet

@Suite("What a leader decides")
struct FleetPlanTests {
    @Test("replicas of a deployment are spread over the workers, one on each where nobody said how many")
    func spread() {
        var fleet = FleetModel(workers: ["a", "b", "c"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1, "c": 1])
        fleet.wanted?[0].replicas = 5
        fleet.settle()
        #expect(fleet.hosts(of: "m").values.sorted() == [1, 2, 2])
    }

    @Test("a worker that joins gets its replica, and nobody else's moves")
    func join() {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        let before = fleet.state.assignments["a"]
        fleet.join("b")
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1])
        #expect(fleet.state.assignments["a"]?.replicas == before?.replicas)
    }

    @Test("an update keeps what serves until what follows is ready, and for a while after")
    func update() throws {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        let old = try #require(fleet.state.deployments["m"]?.versions.first?.name)

        fleet.holdsBack = true
        fleet.wanted = [.of("m", version: 2)]
        fleet.settle()
        fleet.pass(.seconds(3600))
        #expect(fleet.state.deployments["m"]?.kept.map(\.name) == [old])
        #expect(fleet.ready(old) == 2)

        fleet.holdsBack = false
        fleet.settle()
        #expect(fleet.state.deployments["m"]?.kept.map(\.name) == [old])
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == true)
        #expect(fleet.ready(old) == 0)
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1])
    }

    @Test("an update that is taken back goes on with what serves, which isn't loaded again")
    func takenBack() throws {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        let before = try #require(fleet.state.assignments["a"]).replicas
        fleet.holdsBack = true
        fleet.wanted = [.of("m", version: 2)]
        fleet.settle()
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        fleet.holdsBack = false
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.state.assignments["a"]?.replicas == before)
    }

    @Test("a worker that drains keeps its replicas until others are ready in their place")
    func drain() {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1, replicas: 1)]
        fleet.settle()
        let host = fleet.hosts(of: "m").keys.first ?? ""
        fleet.holdsBack = true
        fleet.state.nodes[host]?.isDraining = true
        fleet.settle()
        #expect(fleet.hosts(of: "m").values.reduce(0, +) == 2)
        fleet.holdsBack = false
        fleet.settle()
        #expect(fleet.hosts(of: "m") == [host == "a" ? "b" : "a": 1])
    }

    @Test("a worker whose lease has ended keeps what it has until that is replaced, and is forgotten after a minute")
    func absence() {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1, replicas: 2)]
        fleet.settle()
        fleet.holdsBack = true
        fleet.state.nodes["a"] = nil
        fleet.settle()
        #expect(fleet.state.assignments["a"]?.replicas.count == 1)
        #expect(fleet.state.assignments["b"]?.replicas.count == 2)
        fleet.pass(FleetPlan.absence)
        #expect(fleet.state.assignments["a"] == nil)
        #expect(fleet.state.assignments["b"]?.replicas.count == 2)
    }

    @Test("what has no place says what it lacks")
    func pending() throws {
        var fleet = FleetModel(workers: ["a"])
        var wanted = DeploymentRecord.of("m", version: 1, replicas: 1)
        wanted.needs.cpus = 8000
        fleet.wanted = [wanted]
        fleet.settle()
        let reason = try #require(fleet.state.deployments["m"]?.pending.values.first)
        #expect(reason == "a replica can't be placed: needs 8 cpus; node a has 4 free")
        #expect(fleet.state.assignments.isEmpty)
    }

    @Test("a leader without files of its own leaves what is wanted as it is")
    func withoutFiles() {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        fleet.wanted = nil
        fleet.join("b")
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1])
    }

    @Test("deciding again changes nothing, and a deployment that isn't wanted any more goes with its replicas")
    func end() {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1), .of("n", version: 3)]
        fleet.settle()
        let settled = fleet.state
        fleet.step()
        #expect(fleet.state == settled)
        fleet.wanted = [.of("n", version: 3)]
        fleet.settle()
        #expect(Set(fleet.state.deployments.keys) == ["n"])
        #expect(fleet.state.assignments.values.flatMap(\.groups).allSatisfy { $0.name.hasPrefix("n@3-") })
    }

    @Test("what is stored comes back as it was")
    func records() throws {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        #expect(FleetState(fleet.entries) == fleet.state)
    }
}
