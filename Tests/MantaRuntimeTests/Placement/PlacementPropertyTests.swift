import MantaRuntime
import MantaTestKit
import Testing

@Suite("Placement, whatever happens")
struct PlacementPropertyTests {
    /// Every invariant of a placement, as plainly as it can be said.
    private func check(_ fleet: Fleet, _ seed: UInt64) {
        let nodes = Dictionary(uniqueKeysWithValues: fleet.nodes.map { ($0.id, $0) })
        let demands = Dictionary(uniqueKeysWithValues: fleet.demands.map { ($0.group, $0) })
        for node in fleet.nodes {
            var free = node.capacity
            for replica in fleet.replicas(on: node.id).sorted(by: { $0.id < $1.id }) {
                let need = demands[replica.group]?.resources ?? Resources()
                // What has no room is there only because it serves.
                if need.fits(in: free) { free = free - need } else { #expect(replica.isReady, "seed \(seed)") }
            }
        }
        for replica in fleet.assignments.replicas {
            let node = nodes[replica.node]
            #expect(node != nil && node?.state != .gone, "seed \(seed): \(replica)")
            #expect(replica.id < fleet.assignments.nextID, "seed \(seed)")
            if !replica.isReady { #expect(node?.state == .ready, "seed \(seed): \(replica)") }
            if !replica.isReady, let node {
                let required = demands[replica.group]?.required ?? [:]
                #expect(required.allSatisfy { node.labels[$0.key] == $0.value }, "seed \(seed): \(replica)")
            }
        }
        #expect(Set(fleet.assignments.replicas.map(\.id)).count == fleet.assignments.replicas.count, "seed \(seed)")
        for demand in fleet.demands {
            let replicas = fleet.replicas(of: demand.group)
            let missing = fleet.pending.filter { $0.group == demand.group && !$0.isReplacement }.map(\.count).reduce(
                0, +)
            #expect(replicas.count { $0.replaces == nil } + missing == demand.count, "seed \(seed): \(demand.group)")
            for replaced in replicas.compactMap(\.replaces) {
                #expect(replicas.contains { $0.id == replaced && $0.isReady }, "seed \(seed)")
            }
        }
        for pending in fleet.pending {
            guard let demand = demands[pending.group] else { continue }
            let room = fleet.nodes.first { node in
                node.state == .ready && demand.required.allSatisfy { node.labels[$0.key] == $0.value }
                    && demand.resources.fits(in: fleet.free(on: node))
            }
            #expect(room == nil, "seed \(seed): \(pending) has room on \(room?.id ?? "")")
        }
    }

    @Test(
        "never over-committed by what doesn't serve, labels kept, nothing pending that has room, nothing more changed",
        arguments: 0..<120)
    func invariants(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = Fleet.random(using: &random)
        for _ in 0..<40 {
            let before = fleet
            fleet.place()
            check(fleet, seed)
            let (assignments, pending) = (fleet.assignments, fleet.pending)
            fleet.place()
            #expect(fleet.assignments == assignments && fleet.pending == pending, "seed \(seed): not idempotent")
            var shuffled = before
            shuffled.nodes.shuffle(using: &random)
            shuffled.demands.shuffle(using: &random)
            shuffled.assignments.replicas.shuffle(using: &random)
            shuffled.place()
            #expect(shuffled.assignments == assignments && shuffled.pending == pending, "seed \(seed): order matters")
            fleet.change(using: &random)
        }
    }

    @Test("what serves on a node that stays, keeps serving there unless fewer are wanted", arguments: 0..<120)
    func minimalMoves(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = Fleet.random(using: &random)
        for _ in 0..<20 {
            fleet.settle()
            let before = fleet
            let raised = fleet.demands.indices.randomElement(using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: fleet.nodes.append(.random("m\(fleet.nodes.count)-\(fleet.assignments.nextID)", using: &random))
            case 1: if let raised { fleet.demands[raised].count += 1 }
            case 2: if let raised { fleet.demands[raised].resources = .random(upTo: 9, using: &random) }
            default: if !fleet.nodes.isEmpty { fleet.nodes.removeLast() }
            }
            fleet.place()
            let nodes = Set(fleet.nodes.map(\.id))
            let kept = before.assignments.replicas.filter { nodes.contains($0.node) }
            let after = Set(fleet.assignments.replicas)
            #expect(kept.allSatisfy(after.contains), "seed \(seed)")
        }
    }

    @Test("on nodes that are alike a group's counts differ by one at most", arguments: 0..<100)
    func spread(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = Fleet()
        fleet.nodes = (0..<Int.random(in: 1...9, using: &random)).map { .ready("n\($0)", cpus: 64) }
        for group in 0..<Int.random(in: 1...4, using: &random) {
            let cpus = Amount(thousandths: 250 * Int.random(in: 1...4, using: &random))
            fleet.demands.append(Demand(group: "g\(group)", count: 0, resources: Resources(cpus: cpus)))
        }
        for _ in 0..<10 {
            for index in fleet.demands.indices {
                fleet.demands[index].count = Int.random(in: 0...4 * fleet.nodes.count, using: &random)
            }
            fleet.settle()
            for demand in fleet.demands {
                let counts = fleet.spread(of: demand.group)
                #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "seed \(seed): \(counts)")
            }
        }
    }

    @Test("as many replicas of one group are placed as can be", arguments: 0..<100)
    func asManyAsPossible(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = Fleet.random(using: &random)
        fleet.demands = [.random("g", using: &random)]
        fleet.demands[0].count = 50
        fleet.place()
        let demand = fleet.demands[0]
        let room = fleet.nodes.filter { node in
            node.state == .ready && demand.required.allSatisfy { node.labels[$0.key] == $0.value }
        }.map { node in
            var (left, count) = (node.capacity, 0)
            while count < 50, demand.resources.fits(in: left) { (left, count) = (left - demand.resources, count + 1) }
            return count
        }.reduce(0, +)

        #expect(fleet.assignments.replicas.count == min(room, 50), "seed \(seed)")
    }

    @Test("draining every node in turn loses no replica while there is room for it elsewhere", arguments: 0..<50)
    func rollingDrain(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = Fleet()
        fleet.nodes = (0..<4).map { .ready("n\($0)", cpus: 6) }
        fleet.demands = (0..<3).map { group in
            Demand(
                group: "g\(group)", count: Int.random(in: 1...6, using: &random), resources: Resources(cpus: Amount(1)))
        }
        fleet.settle()
        for index in fleet.nodes.indices {
            fleet.nodes[index].state = .draining
            while !fleet.replicas(on: fleet.nodes[index].id).isEmpty {
                let ready = fleet.demands.map { demand in fleet.replicas(of: demand.group).count(where: \.isReady) }
                #expect(zip(ready, fleet.demands).allSatisfy { $0 >= $1.count }, "seed \(seed)")
                fleet.place()
                for replica in fleet.assignments.replicas.indices where Bool.random(using: &random) {
                    fleet.assignments.replicas[replica].isReady = true
                }
            }
            fleet.nodes[index] = .ready("n\(index)-again", cpus: 6)
        }
        #expect(fleet.pending.isEmpty, "seed \(seed)")
    }

    @Test("numbers that can't be end no process")
    func extremes() {
        var fleet = Fleet()
        fleet.nodes = [
            Node(id: "a", address: "", capacity: Resources(cpus: Amount(.max), memory: .min)),
            Node(id: "a", address: "", capacity: Resources(cpus: Amount(1))),
        ]
        fleet.demands = [
            Demand(group: "g", count: .min, resources: Resources(cpus: Amount(.max))),
            Demand(group: "h", count: 2, resources: Resources(cpus: Amount(.min), memory: .min)),
        ]
        fleet.assignments = Assignments(
            [
                Assignment(id: .max, group: "h", node: "a", isReady: true, replaces: .max),
                Assignment(id: .max, group: "h", node: "a"), Assignment(id: .min, group: "g", node: "a"),
            ], nextID: .max)
        fleet.place()

        #expect(fleet.replicas(of: "h").count == 2 || fleet.assignments.nextID == .max)
    }
}
