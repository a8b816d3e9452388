/// What each node has left, while replicas are placed.
///
/// Resources are rows of numbers here, one for each kind that a demand names, in one array for all nodes: what is asked
/// ten million times must not look names up.
struct NodeLedger {
    /// The nodes, by name.
    let nodes: [Node]
    /// Which of them take new replicas.
    let takesReplicas: [Bool]
    /// How much of what it has the most of is used on each node, as a share.
    private(set) var fullness: [Double]
    private let indices: [String: Int]
    /// The names of the custom kinds, after CPUs, memory and GPUs in each row.
    private let customKinds: [String]
    /// Below zero where more serve than there is room for.
    private var free: [Int]
    private let capacity: [Int]
    /// The most of each kind that any node has.
    private let largest: [Int]

    /// Nodes on which nothing is used. Of two with one name the first counts.
    init(_ nodes: [Node], demands: [Demand]) {
        let byID = Dictionary(nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let sorted = byID.values.sorted { $0.id < $1.id }
        let kinds = Set(demands.flatMap(\.resources.custom.keys)).sorted()
        self.nodes = sorted
        takesReplicas = sorted.map { $0.state == .ready }
        indices = Dictionary(uniqueKeysWithValues: sorted.indices.map { (sorted[$0].id, $0) })
        customKinds = kinds
        let rows = sorted.map { Self.row($0.capacity, customKinds: kinds) }
        largest = rows.reduce(Array(repeating: 0, count: kinds.count + 3)) { zip($0, $1).map(max) }
        capacity = rows.flatMap { $0 }
        free = capacity
        fullness = Array(repeating: 0, count: sorted.count)
    }

    /// The place of a node in ``nodes``.
    func index(of id: String) -> Int? { indices[id] }

    /// What a replica needs, as a row.
    func row(_ resources: Resources) -> [Int] { Self.row(resources, customKinds: customKinds) }

    /// Whether a node has so much left.
    func fits(_ need: [Int], on node: Int) -> Bool {
        let start = node * need.count
        for kind in need.indices where need[kind] > 0 && need[kind] > free[start + kind] { return false }
        return true
    }

    /// How large a replica is: its greatest share of what the node that has the most of a kind has.
    func size(_ need: [Int]) -> Double {
        need.indices.reduce(0) { need[$1] > 0 ? max($0, Double(need[$1]) / Double(largest[$1])) : $0 }
    }

    /// Uses so much of a node.
    mutating func take(_ need: [Int], on node: Int) {
        let start = node * need.count
        for kind in need.indices { free[start + kind] = free[start + kind].subtracting(need[kind]) }
        fullness[node] = usedShare(of: node)
    }

    /// Gives so much of a node back.
    mutating func give(_ need: [Int], on node: Int) {
        let start = node * need.count
        for kind in need.indices { free[start + kind] = free[start + kind].adding(need[kind]) }
        fullness[node] = usedShare(of: node)
    }

    /// The smallest share of any kind that a replica needs and a node has left; 1 or more if the replica fits.
    func covered(_ need: [Int], on node: Int) -> Double {
        let start = node * need.count
        var least = 1.0
        for kind in need.indices where need[kind] > 0 {
            least = min(least, Double(free[start + kind]) / Double(need[kind]))
        }
        return least
    }

    /// What a node lacks for a replica: the kind of which the smallest share is there, how much of it is needed and how
    /// much is left. `nil` if the replica fits.
    func shortage(_ need: [Int], on node: Int) -> Shortage? {
        let start = node * need.count
        return need.indices.filter { need[$0] > free[start + $0] }
            .map { Shortage(kind: kind($0), needed: need[$0], free: max(0, free[start + $0])) }
            .min { $0.covered < $1.covered }
    }

    private func kind(_ index: Int) -> Shortage.Kind {
        switch index {
        case 0: .cpus
        case 1: .memory
        case 2: .gpus
        default: .custom(customKinds[index - 3])
        }
    }

    private func usedShare(of node: Int) -> Double {
        let kinds = customKinds.count + 3
        var most = 0.0
        for index in node * kinds..<(node + 1) * kinds where capacity[index] > 0 {
            most = max(most, Double(capacity[index].subtracting(free[index])) / Double(capacity[index]))
        }
        return most
    }

    private static func row(_ resources: Resources, customKinds: [String]) -> [Int] {
        ([resources.cpus.thousandths, resources.memory, resources.gpus.thousandths]
            + customKinds.map { (resources.custom[$0] ?? .zero).thousandths })
            .map { max(0, $0) }
    }
}
