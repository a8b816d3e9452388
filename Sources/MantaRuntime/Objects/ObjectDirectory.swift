package import MantaTime

/// Decides from which node a range of an object is pulled. A value.
///
/// Every node that has a range serves it, those too that are still fetching the rest. Of those that have it the one with
/// the fewest pulls under way is taken, and one of them at random where that leaves several. So nodes that all fetch the
/// same object at once pull most of it from each other. One that failed is left alone for a while, longer each time.
///
/// ```swift
/// directory.set(.whole, of: id, at: "node-a")
/// switch directory.choose(for: id, chunk: 3, at: now) {
/// case .pull(let holder): …                      // then directory.ended(…)
/// case .wait(let until): …
/// case .nobody: …
/// }
/// ```
package struct ObjectDirectory<Random: RandomNumberGenerator & Sendable>: Sendable {
    /// What a node has of an object.
    package enum Holding: Sendable, Hashable {
        /// All of it.
        case whole
        /// These ranges.
        case chunks(Set<Int>)

        func contains(_ chunk: Int) -> Bool {
            switch self {
            case .whole: true
            case .chunks(let chunks): chunks.contains(chunk)
            }
        }
    }

    /// Where to pull from.
    package enum Choice: Sendable, Hashable {
        /// From this node. It counts as under way until it has ended.
        case pull(String)
        /// From nobody yet: all who have it have failed. The first may be tried at that time.
        case wait(until: Instant)
        /// Nobody has it.
        case nobody
    }

    /// How a pull ended.
    package enum Outcome: Sendable, Hashable {
        /// The bytes came.
        case answered
        /// They didn't.
        case failed
        /// Nobody wanted them any more.
        case withdrawn
    }

    private struct Node {
        /// How many pulls are under way.
        var underWay = 0
        var failuresInARow = 0
        var restsUntil: Instant?
    }

    private var holdings: [ObjectID: [String: Holding]] = [:]
    /// Who gave wrong bytes of what. Nothing they have of that counts.
    private var distrusted: [ObjectID: Set<String>] = [:]
    private var nodes: [String: Node] = [:]
    private let delays: BackoffDelays
    private var random: Random

    /// A directory in which nobody has anything.
    ///
    /// - Parameters:
    ///   - delays: How long a node is left alone after a failure.
    ///   - random: Decides between nodes that are equal.
    package init(
        delays: BackoffDelays = BackoffDelays(first: .milliseconds(100), longest: .seconds(10), jitter: 0.2),
        random: Random
    ) {
        (self.delays, self.random) = (delays, random)
    }

    /// Who has all of an object and is trusted with it, by name.
    package func holders(of id: ObjectID) -> [String] {
        trusted(id).filter { $0.value == .whole }.map(\.key).sorted()
    }

    private func trusted(_ id: ObjectID) -> [String: Holding] {
        (holdings[id] ?? [:]).filter { distrusted[id]?.contains($0.key) != true }
    }
}

// MARK: - Events

extension ObjectDirectory {
    /// A node told what it has of an object, all of it or nothing any more.
    package mutating func set(_ holding: Holding?, of id: ObjectID, at node: String) {
        holdings[id, default: [:]][node] = holding
        if holdings[id]?.isEmpty == true { holdings[id] = nil }
    }

    /// These nodes have all of these objects, as far as is known now, and no others: their names, by the SHA-256 of the
    /// objects.
    package mutating func set(_ holders: [String: [String]]) {
        for (object, nodes) in holders {
            guard let id = ObjectID(object) else { continue }
            holdings[id] = nodes.isEmpty ? nil : Dictionary(nodes.map { ($0, .whole) }, uniquingKeysWith: { $1 })
        }
    }

    /// A node is gone, and all it had.
    package mutating func remove(_ node: String) {
        for id in Array(holdings.keys) { set(nil, of: id, at: node) }
        for id in Array(distrusted.keys) {
            distrusted[id]?.remove(node)
            if distrusted[id]?.isEmpty == true { distrusted[id] = nil }
        }
        nodes[node] = nil
    }

    /// A node gave wrong bytes of an object: it isn't asked for that again.
    package mutating func distrust(_ node: String, with id: ObjectID) { distrusted[id, default: []].insert(node) }

    /// Chooses where to pull a range from.
    ///
    /// - Parameters:
    ///   - id: The object.
    ///   - chunk: The range.
    ///   - only: The one node that may be chosen, or `nil` for all.
    ///   - now: The time.
    /// - Returns: The choice, counted as under way.
    package mutating func choose(
        for id: ObjectID, chunk: Int, only: String? = nil, at now: Instant
    ) -> Choice {
        let having = trusted(id).filter { $0.value.contains(chunk) && (only == nil || only == $0.key) }.keys.sorted()
        guard !having.isEmpty else { return .nobody }
        let rested = having.filter { nodes[$0]?.restsUntil.map { $0 <= now } ?? true }
        guard let least = rested.map({ nodes[$0]?.underWay ?? 0 }).min() else {
            return .wait(until: having.compactMap { nodes[$0]?.restsUntil }.min() ?? now)
        }
        let idlest = rested.filter { (nodes[$0]?.underWay ?? 0) == least }
        guard let chosen = idlest.randomElement(using: &random) else { return .nobody }
        nodes[chosen, default: Node()].underWay += 1
        return .pull(chosen)
    }

    /// A pull has ended.
    package mutating func ended(at node: String, _ outcome: Outcome, at now: Instant) {
        guard var state = nodes[node] else { return }
        state.underWay = max(0, state.underWay - 1)
        switch outcome {
        case .answered: (state.failuresInARow, state.restsUntil) = (0, nil)
        // Several that fail at once are one failure.
        case .failed where state.restsUntil.map({ $0 <= now }) ?? true:
            state.restsUntil = now + delays.delay(after: state.failuresInARow, using: &random)
            state.failuresInARow += 1
        case .failed, .withdrawn: break
        }
        nodes[node] = state
    }
}
