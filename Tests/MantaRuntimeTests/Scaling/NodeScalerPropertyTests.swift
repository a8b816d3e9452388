import MantaTestKit
import MantaTime
import Testing

@testable import MantaRuntime

/// A fleet whose workers come and go as a scaler wants, some of them late, and whose replicas are placed as ever.
private struct ScaledFleet {
    static let idleTime = Duration.seconds(60)

    var demands: [Demand] = []
    let bounds: ClosedRange<Int>
    let shape: NodeScaler.Shape
    private(set) var count: Int
    private(set) var decision: NodeScaler.Decision?
    private(set) var placement = Placement(of: [], on: [], current: Assignments())
    private var scaler: NodeScaler
    private var now = Instant.now
    /// Workers that have joined, by number, each with a name of its own.
    private var joined: [Int: String] = [:]
    private var names = 0

    init(using random: inout SeededGenerator) {
        let fewest = Int.random(in: 0...3, using: &random)
        bounds = fewest...fewest + Int.random(in: 0...8, using: &random)
        shape = .init(Resources(cpus: Amount(4), memory: 8 << 30), labels: ["zone": "eu"])
        scaler = NodeScaler(.init(count: bounds, idleTime: Self.idleTime, shape: shape))
        count = bounds.lowerBound
    }

    private var nodes: [Node] {
        joined.values.map { Node(id: $0, address: $0, capacity: shape.resources, labels: shape.labels) }
    }

    var busy: Set<Int> {
        let hosts = Set(placement.assignments.replicas.map(\.node))
        return Set(joined.filter { hosts.contains($0.value) }.keys)
    }

    /// Replicas that have no place.
    var waiting: [Demand] {
        placement.pending.compactMap { pending in
            guard var demand = demands.first(where: { $0.group == pending.group }) else { return nil }
            demand.count = pending.count
            return demand
        }
    }

    /// The workers that were asked for join, all or some of them.
    mutating func join(all: Bool, using random: inout SeededGenerator) {
        joined = joined.filter { $0.key < count }
        for number in 0..<count where joined[number] == nil && (all || Bool.random(using: &random)) {
            names += 1
            joined[number] = "w\(names)"
        }
    }

    mutating func lose(using random: inout SeededGenerator) {
        if let number = joined.keys.sorted().randomElement(using: &random) { joined[number] = nil }
    }

    /// Time passes, what is wanted is placed, and the scaler decides.
    mutating func step(_ time: Duration) -> (before: Int, busy: Set<Int>, waiting: [Demand]) {
        now += time
        placement = Placement(of: demands, on: nodes, current: placement.assignments)
        let (before, busy, waiting) = (count, busy, waiting)
        var workers: [Int: NodeScaler.Worker] = [:]
        for number in joined.keys { workers[number] = .init(shape, isBusy: busy.contains(number)) }
        let decision = scaler.decide(.init(count: count, workers: workers, waiting: waiting), at: now)
        count = decision.count
        self.decision = decision
        return (before, busy, waiting)
    }

    func couldTake(_ demand: Demand) -> Bool {
        demand.resources.fits(in: shape.resources)
            && demand.required.allSatisfy { shape.labels[$0.key] == $0.value }
    }
}

@Suite("How many workers there are to be, whatever happens")
struct NodeScalerPropertyTests {
    @Test(
        """
        the bounds are kept, nothing that is needed goes, one goes at a time, and none is started without somebody who \
        waits for it
        """, arguments: 0..<150)
    func invariants(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = ScaledFleet(using: &random)
        for step in 0..<60 {
            change(&fleet, step, using: &random)
            let (before, busy, waiting) = fleet.step(.seconds(Int.random(in: 1...40, using: &random)))
            #expect(fleet.bounds.contains(fleet.count), "seed \(seed)")
            #expect(fleet.count >= before - 1, "seed \(seed)")
            #expect(busy.allSatisfy { $0 < fleet.count }, "seed \(seed): a busy worker goes")
            let hopeful = waiting.filter(fleet.couldTake)
            #expect(fleet.count <= before + hopeful.map(\.count).reduce(0, +), "seed \(seed)")
            for demand in waiting {
                let prospect = fleet.decision?.prospects[demand.group]
                #expect(prospect != nil, "seed \(seed): \(demand.group) isn't told")
                if case .never = prospect {
                    #expect(!fleet.couldTake(demand), "seed \(seed)")
                } else {
                    #expect(fleet.couldTake(demand), "seed \(seed)")
                }
                if prospect == .tooFew(most: fleet.bounds.upperBound) {
                    #expect(fleet.count == fleet.bounds.upperBound, "seed \(seed)")
                }
            }
        }
    }

    @Test(
        "once nothing changes, all that can be placed is, no last worker is idle, and it stays so", arguments: 0..<150)
    func settled(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fleet = ScaledFleet(using: &random)
        for step in 0..<20 {
            change(&fleet, step, using: &random)
            _ = fleet.step(.seconds(20))
        }
        for _ in 0..<40 {
            fleet.join(all: true, using: &random)
            _ = fleet.step(ScaledFleet.idleTime)
        }

        let count = fleet.count
        #expect(count == fleet.bounds.upperBound || !fleet.waiting.contains(where: fleet.couldTake), "seed \(seed)")
        #expect(count == fleet.bounds.lowerBound || fleet.busy.contains(count - 1), "seed \(seed): \(fleet)")
        for _ in 0..<20 {
            fleet.join(all: true, using: &random)
            _ = fleet.step(ScaledFleet.idleTime)
            #expect(fleet.count == count, "seed \(seed): it flaps")
        }
    }

    private func change(_ fleet: inout ScaledFleet, _ step: Int, using random: inout SeededGenerator) {
        fleet.join(all: false, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: fleet.demands.append(.random("g\(step)", using: &random))
        case 1:
            if let index = fleet.demands.indices.randomElement(using: &random) {
                fleet.demands[index].count = Int.random(in: 0...8, using: &random)
            }
        case 2: if !fleet.demands.isEmpty { fleet.demands.removeFirst() }
        case 3: fleet.lose(using: &random)
        default: break
        }
    }
}
