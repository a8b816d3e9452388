import MantaRuntime
import MantaTestKit

/// What a test places: nodes, demands and assignments, and the steps of the life of a fleet.
struct Fleet {
    var nodes: [Node] = []
    var demands: [Demand] = []
    var assignments = Assignments()
    var pending: [Pending] = []
    /// Names given to what came later; none is used twice.
    private var named = 0

    init(nodes: [Node] = [], demands: [Demand] = []) { (self.nodes, self.demands) = (nodes, demands) }

    /// Places until further notice.
    mutating func place() {
        let placement = Placement(of: demands, on: nodes, current: assignments)
        (assignments, pending) = (placement.assignments, placement.pending)
    }

    /// Every replica is reported ready.
    mutating func reportReady() {
        for index in assignments.replicas.indices { assignments.replicas[index].isReady = true }
    }

    /// Places and reports until nothing changes.
    mutating func settle() {
        var before: Assignments
        repeat {
            before = assignments
            place()
            reportReady()
        } while assignments != before
    }

    func replicas(on node: String) -> [Assignment] { assignments.replicas.filter { $0.node == node } }

    func replicas(of group: String) -> [Assignment] { assignments.replicas.filter { $0.group == group } }

    /// How many of a group are on each node, in the order of the nodes.
    func spread(of group: String) -> [Int] {
        nodes.map { node in assignments.replicas.count { $0.node == node.id && $0.group == group } }
    }

    /// What is left of a node.
    func free(on node: Node) -> Resources {
        replicas(on: node.id).reduce(node.capacity) { left, replica in
            left - (demands.first { $0.group == replica.group }?.resources ?? Resources())
        }
    }
}

extension Fleet {
    /// Nodes of few sizes with few labels, and demands that they have room for, or not.
    static func random(using random: inout SeededGenerator) -> Fleet {
        var fleet = Fleet()
        for index in 0..<Int.random(in: 0...7, using: &random) {
            fleet.nodes.append(.random("n\(index)", using: &random))
        }
        for index in 0..<Int.random(in: 0...5, using: &random) {
            fleet.demands.append(.random("g\(index)", using: &random))
        }
        return fleet
    }

    /// Something happens to it.
    mutating func change(using random: inout SeededGenerator) {
        named += 1
        let node = nodes.indices.randomElement(using: &random)
        let demand = demands.indices.randomElement(using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: nodes.append(.random("m\(named)", using: &random))
        case 1: if let node { nodes.remove(at: node) }
        case 2: if let node { nodes[node].state = .gone }
        case 3: if let node { nodes[node].state = .draining }
        case 4: if let node { nodes[node].state = .ready }
        case 5: if let demand { demands[demand].count = Int.random(in: 0...8, using: &random) }
        case 6: if let demand { demands.remove(at: demand) }
        case 7: if let demand { demands[demand].resources = .random(upTo: 6, using: &random) }
        case 8: demands.append(.random("h\(named)", using: &random))
        default: if let node { nodes[node].capacity = .random(upTo: 8, using: &random) }
        }
        for index in assignments.replicas.indices where Bool.random(using: &random) {
            assignments.replicas[index].isReady = Int.random(in: 0..<8, using: &random) > 0
        }
        nodes.shuffle(using: &random)
        demands.shuffle(using: &random)
        assignments.replicas.shuffle(using: &random)
    }
}

extension Node {
    static func random(_ id: String, using random: inout SeededGenerator) -> Node {
        let states: [State] = [.ready, .ready, .ready, .ready, .draining, .gone]
        return Node(
            id: id, address: "\(id):8000", capacity: .random(upTo: 8, using: &random),
            labels: ["zone": Bool.random(using: &random) ? "eu" : "us"],
            state: states.randomElement(using: &random) ?? .ready)
    }

    /// A ready node with so many CPUs.
    static func ready(_ id: String, cpus: Int, labels: [String: String] = [:]) -> Node {
        Node(id: id, address: "\(id):8000", capacity: Resources(cpus: Amount(cpus)), labels: labels)
    }
}

extension Demand {
    static func random(_ group: String, using random: inout SeededGenerator) -> Demand {
        var demand = Demand(
            group: group, count: Int.random(in: 0...8, using: &random), resources: .random(upTo: 3, using: &random))
        if Int.random(in: 0..<4, using: &random) == 0 { demand.required = ["zone": "eu"] }
        if Int.random(in: 0..<4, using: &random) == 0 { demand.preferred = ["zone": "us"] }
        return demand
    }
}

extension Resources {
    static func random(upTo most: Int, using random: inout SeededGenerator) -> Resources {
        var resources = Resources(cpus: Amount(thousandths: 500 * Int.random(in: 0...2 * most, using: &random)))
        if Bool.random(using: &random) { resources.memory = Int.random(in: 0...most, using: &random) << 30 }
        if Int.random(in: 0..<3, using: &random) == 0 { resources.custom["disk"] = Amount(most) }
        return resources
    }
}
