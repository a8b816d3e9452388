/// Replicas that wait, packed onto workers that aren't there yet, all of which are alike.
///
/// The largest first, each onto the first worker that has room. For one kind of resource that needs at most 11/9 of the
/// workers of the best packing, and one more (Johnson 1973).
struct WorkerPacking {
    private let shape: NodeScaler.Shape
    /// Those that have something on them or are coming, by number: what is free.
    private var free: [(number: Int, resources: Resources)]
    /// Workers that nobody has asked for yet.
    private var further: Range<Int>
    private let most: Int
    private var groups: [String] = []

    /// The numbers of workers that are needed.
    private(set) var used: Set<Int> = []
    /// What becomes of those that were packed, by group.
    private(set) var prospects: [String: Prospect] = [:]

    /// Nothing is packed yet.
    init(of shape: NodeScaler.Shape, coming: [Int], further: Range<Int>) {
        self.shape = shape
        free = coming.map { ($0, shape.resources) }
        self.further = further
        most = further.upperBound
    }

    /// Those that have room, as people read it: the first few groups.
    var list: String {
        let rest = groups.count - 3
        return groups.prefix(3).joined(separator: ", ") + (rest > 0 ? " and \(rest) others" : "")
    }

    /// Packs them.
    mutating func add(_ demands: [Demand]) {
        let sized = demands.map { (size: size(of: $0.resources), demand: $0) }
        for (_, demand) in sized.sorted(by: { ($1.size, $0.demand.group) < ($0.size, $1.demand.group) })
        where demand.count > 0 {
            if let obstacle = obstacle(to: demand) {
                prospects[demand.group] = .never(obstacle)
                continue
            }
            var placed = 0
            while placed < demand.count, place(demand.resources) { placed += 1 }
            prospects[demand.group] = placed < demand.count ? .tooFew(most: most) : .coming
            if placed > 0 { groups.append(demand.group) }
        }
    }

    private mutating func place(_ need: Resources) -> Bool {
        if let index = free.firstIndex(where: { need.fits(in: $0.resources) }) {
            free[index].resources = free[index].resources - need
            used.insert(free[index].number)
            return true
        }
        guard let number = further.popFirst() else { return false }
        free.append((number, shape.resources - need))
        used.insert(number)
        return true
    }

    /// Why an empty worker couldn't take a replica; `nil` if it could.
    private func obstacle(to demand: Demand) -> String? {
        let missing = demand.required.filter { shape.labels[$0.key] != $0.value }.min { $0.key < $1.key }
        if let missing { return "it wouldn't have the label \(missing.key.shortened)=\(missing.value.shortened)" }
        let ledger = NodeLedger([Node(id: "", address: "", capacity: shape.resources)], demands: [demand])
        return ledger.shortage(ledger.row(demand.resources), on: 0).map {
            "it would have \($0.freeTextWithUnit) and \($0.needText) would be needed"
        }
    }

    /// The greatest share of what an empty worker has.
    private func size(of need: Resources) -> Double {
        let ledger = NodeLedger([Node(id: "", address: "", capacity: shape.resources)], demands: [])
        return ledger.size(ledger.row(need))
    }
}
