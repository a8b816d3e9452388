import MantaRuntime
import Testing

@Suite("Placement")
struct PlacementTests {
    private func fleet(_ nodes: [Node], _ demands: [Demand]) -> Fleet { Fleet(nodes: nodes, demands: demands) }

    private func demand(
        _ count: Int, of group: String = "m", cpus: Int = 1, required: [String: String] = [:],
        preferred: [String: String] = [:]
    ) -> Demand {
        Demand(
            group: group, count: count, resources: Resources(cpus: Amount(cpus)), required: required,
            preferred: preferred)
    }

    private let three = ["a", "b", "c"].map { Node.ready($0, cpus: 4) }

    @Test("replicas of one group are spread over nodes before any node gets a second")
    func spread() {
        var fleet = fleet(three, [demand(5)])
        fleet.place()

        #expect(fleet.spread(of: "m") == [2, 2, 1])
        #expect(fleet.pending.isEmpty)
    }

    @Test("of nodes with as many of the group, the one with the most left is taken")
    func mostFree() {
        var fleet = fleet([.ready("a", cpus: 2), .ready("b", cpus: 8)], [demand(2, of: "l"), demand(1, of: "m")])
        fleet.place()

        #expect(fleet.spread(of: "m") == [0, 1])
    }

    @Test("required labels are kept, and nodes with preferred ones are used up first")
    func labels() {
        let nodes = [
            Node.ready("a", cpus: 2, labels: ["zone": "eu"]), .ready("b", cpus: 2, labels: ["zone": "us"]),
            .ready("c", cpus: 2, labels: ["zone": "eu", "disk": "fast"]),
        ]
        var fleet = fleet(nodes, [demand(3, required: ["zone": "eu"], preferred: ["disk": "fast"])])
        fleet.place()

        #expect(fleet.spread(of: "m") == [1, 0, 2])
    }

    @Test("where there isn't room for all, each group gets a replica before any gets a second")
    func fairness() {
        var fleet = fleet(
            [.ready("a", cpus: 4)], [demand(10, of: "x"), demand(10, of: "y"), demand(1, of: "z")])
        fleet.place()

        #expect(["x", "y", "z"].map { fleet.replicas(of: $0).count } == [2, 1, 1])
        #expect(fleet.pending.map(\.count) == [8, 9])
    }

    @Test("a node that joins moves nobody, and gets what is missing")
    func join() {
        var fleet = fleet([.ready("a", cpus: 2)], [demand(3)])
        fleet.settle()
        let before = fleet.assignments.replicas
        fleet.nodes.append(.ready("b", cpus: 2))
        fleet.place()

        #expect(Array(fleet.assignments.replicas.prefix(2)) == before)
        #expect(fleet.spread(of: "m") == [2, 1])
    }

    @Test("the replicas of a node that is gone are replaced, and only those", arguments: [true, false])
    func gone(isListed: Bool) {
        var fleet = fleet(three, [demand(6)])
        fleet.settle()
        let others = fleet.assignments.replicas.filter { $0.node != "b" }
        if isListed { fleet.nodes[1].state = .gone } else { fleet.nodes.remove(at: 1) }
        fleet.place()

        #expect(fleet.assignments.replicas.filter { $0.isReady } == others)
        #expect(fleet.replicas(on: "a").count == 3 && fleet.replicas(on: "c").count == 3)
        #expect(fleet.assignments.replicas.suffix(2).map(\.id) == [7, 8], "numbers are used once")
    }

    @Test("a draining node keeps its replica until the replacement is ready")
    func drain() {
        var fleet = fleet([.ready("a", cpus: 1), .ready("b", cpus: 1)], [demand(1)])
        fleet.settle()
        fleet.nodes[0].state = .draining
        fleet.place()

        #expect(
            fleet.assignments.replicas == [
                Assignment(id: 1, group: "m", node: "a", isReady: true),
                Assignment(id: 2, group: "m", node: "b", replaces: 1),
            ])

        fleet.assignments.replicas[1].isReady = true
        fleet.place()

        #expect(fleet.assignments.replicas == [Assignment(id: 2, group: "m", node: "b", isReady: true)])
    }

    @Test("a draining node keeps serving while there is no room elsewhere, and says so")
    func drainWithoutRoom() {
        var fleet = fleet([.ready("a", cpus: 2), .ready("b", cpus: 1)], [demand(1, cpus: 2)])
        fleet.settle()
        fleet.nodes[0].state = .draining
        fleet.place()

        #expect(fleet.assignments.replicas.map(\.node) == ["a"])
        #expect(
            fleet.pending == [
                Pending(
                    group: "m", count: 1, isReplacement: true,
                    reason: "needs 2 cpus and another node; node b has 1 free, node a is draining")
            ])
    }

    @Test("a drain that is taken back ends with the replicas that there were")
    func undrain() {
        var fleet = fleet([.ready("a", cpus: 1), .ready("b", cpus: 1)], [demand(1)])
        fleet.settle()
        let before = fleet.assignments.replicas
        fleet.nodes[0].state = .draining
        fleet.place()
        fleet.nodes[0].state = .ready
        fleet.place()

        #expect(fleet.assignments.replicas == before)
    }

    @Test("a replacement whose node dies before it is ready is replaced itself")
    func replacementDies() {
        var fleet = fleet(three, [demand(1)])
        fleet.settle()
        fleet.nodes[0].state = .draining
        fleet.place()
        fleet.nodes[1].state = .gone
        fleet.place()

        #expect(
            fleet.assignments.replicas == [
                Assignment(id: 1, group: "m", node: "a", isReady: true),
                Assignment(id: 3, group: "m", node: "c", replaces: 1),
            ])
    }

    @Test("a replacement outlives the draining node that dies meanwhile")
    func drainingNodeDies() {
        var fleet = fleet(three, [demand(1)])
        fleet.settle()
        fleet.nodes[0].state = .draining
        fleet.place()
        fleet.nodes[0].state = .gone
        fleet.place()

        #expect(fleet.assignments.replicas == [Assignment(id: 2, group: "m", node: "b")])
    }

    @Test("a replica whose node loses a required label is replaced as on a draining node")
    func lostLabel() {
        let nodes = ["a", "b"].map { Node.ready($0, cpus: 1, labels: ["zone": "eu"]) }
        var fleet = fleet(nodes, [demand(1, required: ["zone": "eu"])])
        fleet.settle()
        fleet.nodes[0].labels = [:]
        fleet.place()
        #expect(fleet.assignments.replicas.map(\.replaces) == [nil, 1])

        fleet.settle()
        #expect(fleet.assignments.replicas.map(\.node) == ["b"])
    }

    @Test("scaling in takes what leaves anyway, then what isn't ready, then from the node with the most")
    func scaleIn() {
        var fleet = fleet(three, [demand(6), demand(1, of: "l")])
        fleet.settle()
        fleet.nodes[0].state = .draining
        fleet.place()
        fleet.demands[0].count = 4
        fleet.place()
        #expect(fleet.spread(of: "m") == [0, 2, 2])
        #expect(fleet.replicas(of: "m").allSatisfy { $0.isReady && $0.replaces == nil })

        fleet.assignments.replicas[2].isReady = false
        let unready = fleet.assignments.replicas[2].id
        fleet.demands[0].count = 3
        fleet.place()
        #expect(!fleet.assignments.replicas.contains { $0.id == unready && $0.group == "m" })

        fleet.demands[0].count = 2
        fleet.place()
        #expect(fleet.spread(of: "m") == [0, 1, 1])
    }

    @Test("scaling in takes from the fullest of nodes with as many of the group")
    func scaleInFromFullest() {
        let nodes = [Node.ready("a", cpus: 4), .ready("b", cpus: 4, labels: ["zone": "eu"])]
        var fleet = fleet(nodes, [demand(2, of: "l", required: ["zone": "eu"]), demand(2)])
        fleet.settle()
        fleet.demands[1].count = 1
        fleet.place()

        #expect(fleet.spread(of: "m") == [1, 0])
    }

    @Test("what nobody demands any more goes")
    func undemanded() {
        var fleet = fleet(three, [demand(3, of: "l"), demand(3, of: "m")])
        fleet.settle()
        fleet.demands.removeLast()
        fleet.place()

        #expect(fleet.assignments.replicas.map(\.group) == ["l", "l", "l"])
    }

    @Test("a node that shrank keeps what serves until it is replaced elsewhere, the oldest for good")
    func shrunk() {
        var fleet = fleet([.ready("a", cpus: 3)], [demand(3)])
        fleet.settle()
        fleet.nodes[0].capacity = Resources(cpus: Amount(2))
        fleet.place()
        #expect(fleet.assignments.replicas.map(\.id) == [1, 2, 3])
        #expect(
            fleet.pending == [
                Pending(group: "m", count: 1, isReplacement: true, reason: "needs 1 cpu; node a has 0 free")
            ])

        fleet.nodes.append(.ready("b", cpus: 2))
        fleet.place()
        #expect(fleet.assignments.replicas.map(\.replaces) == [nil, nil, nil, 3])
        fleet.settle()
        #expect(fleet.assignments.replicas.map(\.id) == [1, 2, 4])
    }

    @Test("of what doesn't serve yet a node that shrank keeps as many as fit")
    func shrunkUnready() {
        var fleet = fleet([.ready("a", cpus: 3)], [demand(3)])
        fleet.place()
        fleet.nodes[0].capacity = Resources(cpus: Amount(2))
        fleet.place()

        #expect(fleet.assignments.replicas.map(\.id) == [1, 2])
        #expect(fleet.pending.map(\.reason) == ["needs 1 cpu; node a has 0 free"])
    }

    @Test("needs that are raised take nothing away that serves, and move it where there is room")
    func raised() {
        var fleet = fleet([.ready("a", cpus: 2), .ready("b", cpus: 1)], [demand(1), demand(1, of: "l")])
        fleet.settle()
        let before = fleet.assignments
        for index in fleet.demands.indices { fleet.demands[index].resources.cpus = Amount(4) }
        fleet.place()
        #expect(fleet.assignments == before)
        #expect(fleet.pending.map(\.isReplacement) == [true, true])

        fleet.nodes.append(.ready("c", cpus: 8))
        fleet.settle()
        #expect(fleet.assignments.replicas.map(\.node) == ["c", "c"])
    }

    @Test("what serves without room stays for good once there is some")
    func roomAgain() {
        var fleet = fleet([.ready("a", cpus: 2), .ready("b", cpus: 1)], [demand(2), demand(1, of: "l")])
        fleet.settle()
        let before = fleet.assignments
        fleet.nodes[0].capacity = Resources(cpus: Amount(1))
        fleet.place()
        #expect(fleet.pending.map(\.isReplacement) == [true])
        fleet.nodes[0].capacity = Resources(cpus: Amount(2))
        fleet.place()

        #expect(fleet.assignments == before && fleet.pending.isEmpty)
    }
}
