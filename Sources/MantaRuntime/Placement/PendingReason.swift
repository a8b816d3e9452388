/// Says why a replica has no place: `needs 2 cpus; node a has 1 free, node b 0 and 997 others`.
enum PendingReason {
    /// What keeps a replica off one node.
    private enum Obstacle {
        case shortage(Shortage)
        case draining
        case gone
        case label(name: String, wanted: String, found: String?)
    }

    /// So many nodes are named. The rest is counted.
    private static let named = 3

    /// The reason, with the nodes that lack the least named.
    static func text(for group: PlacementGroup, in ledger: NodeLedger) -> String {
        var nearest: [(node: Int, distance: Double)] = []
        for node in ledger.nodes.indices {
            let distance = distance(of: node, from: group, in: ledger)
            guard nearest.count < named || distance < nearest[named - 1].distance else { continue }
            if nearest.count == named { nearest.removeLast() }
            nearest.insert((node, distance), at: nearest.firstIndex { distance < $0.distance } ?? nearest.count)
        }
        guard !nearest.isEmpty else { return "there are no nodes" }
        let obstacles = nearest.compactMap { node, _ in
            obstacle(on: node, for: group, in: ledger).map { (node: ledger.nodes[node].id, obstacle: $0) }
        }
        return "\(needs(obstacles.map(\.obstacle))); \(list(obstacles, others: ledger.nodes.count - nearest.count))"
    }

    /// How far a replica is from being placed on a node; the smaller the nearer.
    private static func distance(of node: Int, from group: PlacementGroup, in ledger: NodeLedger) -> Double {
        if ledger.takesReplicas[node] {
            return group.missingLabels[node] == nil ? 3 : 1 - ledger.covered(group.need, on: node)
        }
        return ledger.nodes[node].state == .draining ? 2 : 4
    }

    private static func obstacle(on index: Int, for group: PlacementGroup, in ledger: NodeLedger) -> Obstacle? {
        let node = ledger.nodes[index]
        switch node.state {
        case .gone: return .gone
        case .draining: return .draining
        case .ready: break
        }
        let missing = group.demand.required.filter { node.labels[$0.key] != $0.value }.min { $0.key < $1.key }
        if let missing { return .label(name: missing.key, wanted: missing.value, found: node.labels[missing.key]) }
        return ledger.shortage(group.need, on: index).map { .shortage($0) }
    }

    /// Everything that at least one of the nodes lacks.
    private static func needs(_ obstacles: [Obstacle]) -> String {
        var needs: [String] = []
        for obstacle in obstacles {
            let need =
                switch obstacle {
                case .shortage(let shortage): shortage.needText
                case .draining, .gone: "another node"
                case .label(let name, let wanted, _): "label \(name.shortened)=\(wanted.shortened)"
                }
            if !needs.contains(need) { needs.append(need) }
        }
        return "needs " + needs.joined(separator: " and ")
    }

    private static func list(_ nearest: [(node: String, obstacle: Obstacle)], others: Int) -> String {
        let kinds = Set(
            nearest.compactMap { entry in
                if case .shortage(let shortage) = entry.obstacle { shortage.kind } else { nil }
            })
        var saysFree = false
        var parts = nearest.map { node, obstacle in
            let name = "node \(node.shortened)"
            switch obstacle {
            case .draining: return "\(name) is draining"
            case .gone: return "\(name) is gone"
            case .label(let label, _, let found?): return "\(name) has \(label.shortened)=\(found.shortened)"
            case .label(let label, _, nil): return "\(name) has no label \(label.shortened)"
            case .shortage(let shortage) where kinds.count > 1:
                return "\(name) has \(shortage.freeTextWithUnit) free"
            case .shortage(let shortage) where saysFree: return "\(name) \(shortage.freeText)"
            case .shortage(let shortage):
                saysFree = true
                return "\(name) has \(shortage.freeText) free"
            }
        }
        guard others > 0 else { return parts.joined(separator: ", ") }
        let last = parts.removeLast()
        let rest = "\(last) and \(others) \(others == 1 ? "other" : "others")"
        return (parts + [rest]).joined(separator: ", ")
    }
}
