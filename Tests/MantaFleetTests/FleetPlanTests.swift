import FoundationEssentials
import MantaAutoscaler
import MantaRuntime
import MantaServing
import MantaStore
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
        fleet.wanted[0].replicas = 5
        fleet.settle()
        #expect(fleet.hosts(of: "m").values.sorted() == [1, 2, 2])
    }

    @Test("a front that has CPUs for replicas gets its part as a worker does, and has it replaced when it drains")
    func hostingFront() {
        var fleet = FleetModel(workers: ["a"])
        fleet.join("b", .front)
        fleet.join("c", .front, cpus: 0)
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1])
        #expect(fleet.served.first?.replicasElsewhere == 2)

        fleet.wanted[0].replicas = 2
        fleet.state.nodes["b"]?.isDraining = true
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 2])
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

    @Test("what served before an update that a front finds unfit stays, with the reason, until no front does any more")
    func rejected() throws {
        var fleet = FleetModel(workers: ["a"])
        fleet.join("front", .front, cpus: 0)
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        let old = try #require(fleet.state.deployments["m"]?.versions.first?.name)
        fleet.wanted = [.of("m", version: 2)]
        fleet.settle()
        let new = try #require(fleet.state.deployments["m"]?.versions.first?.name)

        fleet.state.nodes["front"]?.rejected = [new: "it failed"]
        fleet.pass(FleetPlan.settleTime * 4)
        #expect(fleet.ready(old) == 1 && fleet.ready(new) == 1)
        #expect(fleet.state.deployments["m"]?.kept.map(\.name) == [old])
        #expect(fleet.state.deployments["m"]?.pending[new] == "front: it failed")

        fleet.state.nodes["front"]?.rejected = nil
        fleet.settle()
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.ready(old) == 0)
        #expect(fleet.state.deployments["m"]?.pending.isEmpty == true)
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

    @Test(
        "a worker whose lease has ended keeps what it has until others are ready in its place, however long that takes")
    func absence() {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1, replicas: 2)]
        fleet.settle()
        fleet.holdsBack = true
        fleet.state.nodes["a"] = nil
        fleet.settle()
        fleet.pass(.seconds(3600))
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 2])
        fleet.holdsBack = false
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["b": 2])
        #expect(fleet.state.assignments["a"] == nil)
    }

    @Test("a worker whose lease has ended and whose replicas nobody else has room for keeps them")
    func lonely() {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1, replicas: 2)]
        fleet.settle()
        let before = fleet.state.assignments["a"]
        fleet.state.nodes["a"] = nil
        fleet.settle()
        #expect(fleet.state.assignments["a"]?.replicas == before?.replicas)
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
        #expect(fleet.hosts(of: "m").isEmpty)
    }

    @Test("a replica gets a place only where all that it needs is there, custom resources and labels as well")
    func needs() throws {
        var fleet = FleetModel(workers: ["a", "b", "c"])
        fleet.state.nodes["b"]?.capacity.custom = ["tpu": 1500]
        fleet.state.nodes["c"]?.capacity.custom = ["tpu": 1500]
        fleet.state.nodes["c"]?.labels = ["zone": "eu"]
        var wanted = DeploymentRecord.of("m", version: 1, replicas: 2)
        wanted.needs = .init(Resources(cpus: Amount(1), custom: ["tpu": Amount(1)]), labels: ["zone": "eu"])
        fleet.wanted = [wanted]
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["c": 1])
        #expect(
            fleet.state.deployments["m"]?.pending.values.first
                == "a replica can't be placed: needs 1 tpu and label zone=eu; node c has 0.5 free, node a has no label "
                + "zone, node b has no label zone")

        fleet.wanted[0].needs.labels = [:]
        fleet.wanted[0].needs.preferredLabels = ["zone": "eu"]
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["b": 1, "c": 1])
        #expect(fleet.state.deployments["m"]?.pending.isEmpty == true)
    }

    @Test("where nobody said how many, there is one replica for each worker that has the labels")
    func labelled() throws {
        var fleet = FleetModel(workers: ["a", "b", "c"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.wanted[0].needs.labels = ["zone": "eu"]
        fleet.settle()
        #expect(
            fleet.state.deployments["m"]?.pending.values.first
                == "a replica can't be placed: needs label zone=eu; node a has no label zone, node b has no label zone, "
                + "node c has no label zone")

        for name in ["a", "c"] { fleet.state.nodes[name]?.labels = ["zone": "eu"] }
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "c": 1])
        #expect(fleet.state.deployments["m"]?.pending.isEmpty == true)
        #expect(fleet.served.first?.replicasElsewhere == 2)
    }

    @Test("needs that are raised reach what serves without loading it again, and take nothing away")
    func raised() throws {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1, replicas: 2)]
        fleet.settle()
        let before = fleet.state.assignments

        fleet.wanted[0].needs = .init(Resources(cpus: Amount(2)))
        fleet.settle()
        #expect(fleet.state.deployments["m"]?.needs.cpus == 2000)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == true)
        #expect(fleet.state.assignments == before)

        fleet.wanted[0].needs = .init(Resources(cpus: Amount(5)))
        fleet.settle()
        #expect(fleet.state.assignments == before)
        #expect(
            fleet.state.deployments["m"]?.pending.values.first
                == "2 replicas can't be moved: needs 5 cpus; node a has 0 free, node b 0")

        fleet.wanted[0].replicas = 3
        fleet.settle()
        #expect(
            fleet.state.deployments["m"]?.pending.values.first
                == "a replica can't be placed: needs 5 cpus; node a has 0 free, node b 0; "
                + "2 replicas can't be moved: needs 5 cpus; node a has 0 free, node b 0")
    }

    @Test("a leader that never wanted a deployment leaves it as it is")
    func others() {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        fleet.wanted = []
        fleet.join("b")
        fleet.settle()
        #expect(fleet.hosts(of: "m") == ["a": 1, "b": 1])
    }

    @Test("what can't be read any more goes on as it was, and says why")
    func fault() {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1, replicas: 3)]
        fleet.settle()
        var broken = DeploymentRecord.of("m", version: 1)
        (broken.versions, broken.fault) = ([], "model.yaml: line 1")
        fleet.wanted = [broken]
        fleet.settle()
        fleet.pass(.seconds(3600))
        #expect(fleet.hosts(of: "m") == ["a": 3])
        #expect(fleet.state.deployments["m"]?.fault == "model.yaml: line 1")
    }

    @Test("deciding again changes nothing, and a deployment that isn't wanted any more goes with its replicas")
    func end() {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1), .of("n", version: 3)]
        fleet.settle()
        let settled = fleet.state
        fleet.step()
        #expect(fleet.state == settled)
        (fleet.wanted, fleet.ended) = ([.of("n", version: 3)], ["m"])
        fleet.settle()
        #expect(Set(fleet.state.deployments.keys) == ["n"])
        #expect(fleet.state.assignments.values.flatMap(\.groups).allSatisfy { $0.name.hasPrefix("n@3-") })
    }

    @Test("what a newer version wrote is told apart from what isn't there")
    func unreadable() {
        let key = FleetState.Key.nodes + "a"
        let state = FleetState([Entry(key: key, value: Array("{}".utf8), created: 1, modified: 1)])
        #expect(state.nodes.isEmpty && state.unreadable == [key])
    }

    @Test("a front serves what was there before until all replicas of an update are ready, and no address twice")
    func served() throws {
        var fleet = FleetModel(workers: ["a", "b"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.settle()
        // Started again at the same address while its old lease lives.
        fleet.join("c")
        fleet.state.nodes["c"]?.address = "http://a:8000"
        fleet.settle()
        let before = try #require(fleet.served.first)
        #expect(before.versions.map(\.number) == [1])
        #expect(before.places.values.map(\.addresses.count) == [2])

        fleet.holdsBack = true
        fleet.wanted = [.of("m", version: 2)]
        fleet.settle()
        #expect(fleet.served.first?.versions.map(\.number) == [1])
        fleet.holdsBack = false
        fleet.settle()
        #expect(fleet.served.first?.versions.map(\.number) == [2])
    }

    @Test("a front knows how many replicas each worker has ready, how many there are to be and why there are no more")
    func places() throws {
        var fleet = FleetModel(workers: ["a", "b"])
        var wanted = DeploymentRecord.of("m", version: 1, replicas: 6)
        wanted.needs = .init(Resources(memory: 3 << 30))
        fleet.wanted = [wanted]
        fleet.settle()

        let seen = try #require(fleet.served.first)
        let places = try #require(seen.places.values.first)
        let reason = "2 replicas can't be placed: needs 3072 MiB of memory; node a has 2048 MiB free, node b 2048 MiB"
        #expect(places.replicas.values.sorted() == [2, 2])
        #expect(seen.replicasElsewhere == 6)
        #expect(places.obstacle == reason && seen.warnings == [reason])
    }

    @Test("what is stored comes back as it was")
    func records() throws {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1)]
        fleet.wanted[0].needs = .init(
            Resources(cpus: Amount(1), memory: 1, gpus: Amount(1), custom: ["tpu": Amount(1)]), labels: ["a": "b"],
            preferredLabels: ["c": "d"])
        fleet.settle()
        var stored = FleetState(fleet.entries)
        stored.revisions = [:]
        #expect(stored == fleet.state)
    }

    @Test("what was stored before there were other resources is read, and written as it was where none are needed")
    func olderRecords() throws {
        let stored =
            #"{"kept":[],"name":"m","needs":{"cpus":500,"gpus":0,"labels":{},"memory":0,"preferredLabels":{}},"#
            + #""pending":{},"versions":[],"yaml":""}"#
        let record = try JSONDecoder().decode(DeploymentRecord.self, from: Data(stored.utf8))
        #expect(record.needs.resources == Resources(cpus: Amount(thousandths: 500)))
        #expect(String(decoding: record.stored, as: UTF8.self) == stored)
    }

    @Test("a model that ends each worker that loads it doesn't end all of them, and what served before goes on")
    func crashes() throws {
        var fleet = FleetModel(workers: ["a"])
        fleet.wanted = [.of("m", version: 1, replicas: 1), .of("other", version: 1, replicas: 1)]
        fleet.settle()
        let old = try #require(fleet.state.deployments["m"]?.versions.first?.name)
        for name in ["b", "c", "d", "e", "f"] { fleet.join(name) }
        fleet.settle()
        fleet.wanted[0] = .of("m", version: 2, replicas: 1)
        fleet.holdsBack = true
        var ended: [String] = []
        while ended.count < 10 {
            fleet.settle()
            let new = try #require(fleet.state.deployments["m"]?.versions.first?.name)
            let host = fleet.state.assignments.first {
                fleet.state.nodes[$0.key] != nil && $0.value.replicas.contains { $0.group == new }
            }
            guard let host else { break }
            ended.append(host.key)
            fleet.state.nodes[host.key] = nil
        }
        #expect(ended.count == CrashGuard.limit, "\(ended)")
        let record = try #require(fleet.state.deployments["m"])
        #expect(record.kept.map(\.name) == [old])
        #expect(
            record.pending[record.versions[0].name]
                == "3 workers ended while they loaded it; it is tried again after 10 s")
        let next = fleet.state.nextReplica
        fleet.settle()
        #expect(fleet.state.nextReplica == next)

        // It isn't what ended them.
        fleet.holdsBack = false
        fleet.pass(.seconds(10))
        #expect(fleet.ready(record.versions[0].name) == 1)
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == true)
        #expect(fleet.state.deployments["m"]?.pending.isEmpty == true)
    }

    @Test("the last replica of a deployment that is to rest stays until fronts know")
    func farewell() {
        var fleet = FleetModel.following(on: ["a", "b"])
        fleet.wanted[0].replicas = 0
        fleet.settle()
        #expect(fleet.state.deployments["m"]?.replicas == 0)
        #expect(fleet.hosts(of: "m").values.reduce(0, +) == 1)
        fleet.pass(FleetPlan.farewellTime)
        #expect(fleet.hosts(of: "m").isEmpty)
        fleet.pass(.seconds(60))
        #expect(fleet.hosts(of: "m").isEmpty)
    }

    @Test("a count that rises once a new version has taken over doesn't give its requests back to the old one")
    func risingCount() throws {
        var fleet = FleetModel.following(on: ["a", "b"])
        fleet.wanted[0].versions = DeploymentRecord.of("m", version: 2).versions
        fleet.settle()
        let new = fleet.wanted[0].versions[0].name
        #expect(fleet.ready(new) == 1)
        #expect(fleet.served.first?.versions.map(\.number) == [2])

        fleet.holdsBack = true
        fleet.wanted[0].replicas = 2
        fleet.settle()
        #expect(fleet.ready(new) == 1)
        #expect(fleet.served.first?.versions.map(\.number) == [2])
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == true)
        #expect(fleet.state.deployments["m"]?.takeover == nil)
    }

    @Test("what rests keeps the version that served, until the new one does")
    func updateAtRest() throws {
        var fleet = FleetModel.following(on: ["a"])
        let old = fleet.wanted[0].versions[0].name
        fleet.wanted[0].replicas = 0
        fleet.settle()
        fleet.pass(FleetPlan.farewellTime)
        fleet.wanted[0].versions = DeploymentRecord.of("m", version: 2).versions
        fleet.settle()
        fleet.pass(FleetPlan.settleTime * 2)
        #expect(fleet.hosts(of: "m").isEmpty)

        fleet.holdsBack = true
        fleet.wanted[0].replicas = 1
        fleet.settle()
        #expect(fleet.state.deployments["m"]?.kept.map(\.name) == [old])
        #expect(fleet.served.first?.versions.map(\.number) == [1])
        fleet.holdsBack = false
        fleet.settle()
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.ready(old) == 0)
        #expect(fleet.served.first?.versions.map(\.number) == [2])
    }

    @Test("what rests soon after it has taken over is what wakes")
    func restAfterUpdate() throws {
        var fleet = FleetModel.following(on: ["a"])
        fleet.wanted[0].versions = DeploymentRecord.of("m", version: 2).versions
        fleet.settle()
        fleet.wanted[0].replicas = 0
        fleet.settle()
        fleet.pass(FleetPlan.farewellTime)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == false && fleet.hosts(of: "m").isEmpty)

        fleet.holdsBack = true
        fleet.wanted[0].replicas = 1
        fleet.settle()
        #expect(fleet.served.first?.versions.map(\.number) == [2])
        fleet.holdsBack = false
        fleet.settle()
        fleet.pass(FleetPlan.settleTime)
        #expect(fleet.state.deployments["m"]?.kept.isEmpty == true)
        #expect(fleet.served.first?.versions.map(\.number) == [2])
    }
}
