/// Where replicas are to be: what is wanted, what there is and what is assigned in, new assignments out.
///
/// - A replica stays where it is while its node lives and has room for it.
/// - A new one goes to the node that has more of the preferred labels, then the fewest replicas of its group, then the
///   smallest used share.
/// - Replicas of a draining node, or of one that no longer has the required labels or the room, are replaced elsewhere
///   first, and stay until their replacements are ready. Those of a node that is gone are replaced at once.
/// - When fewer are wanted, those go first that leave anyway, then those that aren't ready, then from the node with the
///   most of the group, then from the fullest.
/// - Where there isn't room for all, each group gets its first replica before any gets its second.
///
/// The same inputs give the same result, in whatever order they come. Placing the result again changes nothing.
///
/// ```swift
/// let placement = Placement(of: demands, on: nodes, current: assignments)
/// placement.assignments  // what nodes are to host now
/// placement.pending      // what has no place, and why
/// ```
package struct Placement: Sendable, Hashable {
    /// What nodes are to host.
    package let assignments: Assignments
    /// What has no place, and why; by group.
    package let pending: [Pending]

    /// Places what is wanted.
    ///
    /// - Parameters:
    ///   - demands: What is wanted. Replicas of other groups go. Of two for one group the first counts.
    ///   - nodes: All nodes. One that isn't among them is gone. Of two with one name the first counts.
    ///   - current: What is assigned, with what nodes reported.
    package init(of demands: [Demand], on nodes: [Node], current: Assignments) {
        var placer = Placer(demands, nodes: nodes, nextID: current.nextID)
        var kept = current.replicas
        while true {
            placer.keep(kept)
            placer.endReplacements()
            placer.scaleIn()
            // What went may have left room for what serves without. Each turn only takes away, so they end.
            guard placer.isOverfull, placer.assignments.replicas != kept else { break }
            kept = placer.assignments.replicas
            placer = Placer(demands, nodes: nodes, nextID: placer.assignments.nextID)
        }
        let pending = placer.placeMissing()
        assignments = placer.assignments
        self.pending = pending
    }
}
