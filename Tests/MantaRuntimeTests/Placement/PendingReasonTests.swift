import MantaRuntime
import Testing

@Suite("Reasons of pending replicas")
struct PendingReasonTests {
    private func reason(_ resources: Resources, required: [String: String] = [:], on nodes: [Node]) -> String? {
        let demand = Demand(group: "m", count: 1, resources: resources, required: required)
        return Placement(of: [demand], on: nodes, current: Assignments()).pending.first?.reason
    }

    @Test("the nodes that lack the least are named")
    func nearest() {
        let nodes = [Node.ready("b", cpus: 0), .ready("a", cpus: 1)]

        #expect(reason(Resources(cpus: Amount(2)), on: nodes) == "needs 2 cpus; node a has 1 free, node b 0")
    }

    @Test("many nodes are counted, not listed")
    func many() {
        let nodes = (1000..<2000).map { Node.ready("n\($0)", cpus: 1) }

        #expect(
            reason(Resources(cpus: Amount(thousandths: 1500)), on: nodes)
                == "needs 1.5 cpus; node n1000 has 1 free, node n1001 1, node n1002 1 and 997 others")
    }

    @Test("each kind that is short is named, the shortest of each node")
    func kinds() {
        let nodes = [
            Node(id: "a", address: "", capacity: Resources(cpus: Amount(4), memory: 100 << 20)),
            Node(id: "b", address: "", capacity: Resources(cpus: Amount(1), memory: 1 << 30)),
        ]

        #expect(
            reason(Resources(cpus: Amount(2), memory: 200 << 20), on: nodes)
                == "needs 200 MiB of memory and 2 cpus; node a has 100 MiB of memory free, node b has 1 cpu free")
    }

    @Test("labels are named, with what is found instead")
    func labels() {
        let nodes = [Node.ready("a", cpus: 4, labels: ["zone": "us"]), .ready("b", cpus: 4)]

        #expect(
            reason(Resources(cpus: Amount(2)), required: ["zone": "eu"], on: nodes)
                == "needs label zone=eu; node a has zone=us, node b has no label zone")
    }

    @Test("no nodes at all, or none that stays, is a reason too")
    func noNodes() {
        let drained = Node(id: "a", address: "", capacity: Resources(cpus: Amount(4)), state: .draining)
        let gone = Node(id: "b", address: "", capacity: Resources(cpus: Amount(4)), state: .gone)

        #expect(reason(Resources(), on: []) == "there are no nodes")
        #expect(reason(Resources(), on: [gone, drained]) == "needs another node; node a is draining, node b is gone")
    }

    @Test("custom resources go by their names, and long names are cut")
    func customAndLong() throws {
        let long = String(repeating: "x", count: 10_000)
        let nodes = (0..<5).map { Node.ready("\($0)" + long, cpus: 1) }
        let text = try #require(
            reason(
                Resources(cpus: Amount(2), custom: [long: Amount(1)]), required: [:],
                on: nodes))

        #expect(text.count < 600)
        #expect(
            reason(Resources(custom: ["camera": Amount(1)]), on: [.ready("a", cpus: 1)])
                == "needs 1 camera; node a has 0 free")
    }
}
