import MantaRuntime
import MantaTime

/// Keeps a group whose model ends the workers that load it from ending all of them: a value.
///
/// A crash of an engine takes the worker's process along, and with it the replicas of all other groups there. So a group
/// that several workers ended with, before it was ready there, gets no new replica for a while, each time for longer, and
/// then one alone until that is ready.
struct CrashGuard: Sendable {
    /// So many ends of workers may be chance.
    static let limit = 3
    /// Those that were longer ago don't count.
    static let window = Duration.seconds(1800)
    /// How long it is held back after the ``limit``, and after each further one.
    static let delays = BackoffDelays(first: .seconds(10), longest: .seconds(600))

    /// What is allowed to a group that is suspected.
    struct Verdict: Sendable, Equatable {
        /// How many replicas of it may be there that aren't ready: none or one.
        var starting: Int
        /// Why, in words.
        var reason: String
    }

    private struct History {
        /// The workers that ended while they loaded it, and when.
        var crashes: [(node: String, at: Instant)] = []
        /// Those of its replicas that were ready at the last of these: they say nothing of those that begin.
        var ready: Set<Int> = []
    }

    private var histories: [String: History] = [:]

    init() {}

    /// The groups that workers ended with.
    var suspects: [String] { histories.keys.sorted() }

    /// A worker is gone that hadn't said that it would go.
    ///
    /// - Parameters:
    ///   - node: The worker.
    ///   - groups: What it was to host and hadn't ready.
    ///   - ready: All replicas that are ready, by group.
    ///   - now: The present.
    mutating func vanished(_ node: String, loading groups: Set<String>, ready: [String: Set<Int>], at now: Instant) {
        for group in groups {
            var history = histories[group] ?? History()
            guard !history.crashes.contains(where: { $0.node == node }) else { continue }
            history.crashes.append((node, now))
            history.ready = ready[group] ?? []
            histories[group] = history
        }
    }

    /// Workers are there: what was taken for the end of one of them was something else.
    mutating func present(_ nodes: some Sequence<String>) {
        guard !histories.isEmpty else { return }
        let nodes = Set(nodes)
        for group in histories.keys { histories[group]?.crashes.removeAll { nodes.contains($0.node) } }
        histories = histories.filter { !$0.value.crashes.isEmpty }
    }

    /// A group of which another replica has become ready is sound.
    ///
    /// - Parameter ready: All replicas that are ready, by group.
    mutating func ready(_ ready: [String: Set<Int>]) {
        histories = histories.filter { group, history in
            (ready[group] ?? []).isSubset(of: history.ready)
        }
    }

    /// What is allowed to a group; `nil` for everything.
    mutating func verdict(on group: String, at now: Instant) -> Verdict? {
        guard var history = histories[group] else { return nil }
        history.crashes.removeAll { now - $0.at > Self.window }
        histories[group] = history.crashes.isEmpty ? nil : history
        guard history.crashes.count >= Self.limit, let last = history.crashes.map(\.at).max() else { return nil }
        let delay = Self.delays.delay(after: history.crashes.count - Self.limit)
        let count = "\(history.crashes.count) workers ended while they loaded it"
        if now - last < delay {
            // Not how long still: that would be another word each time.
            return Verdict(starting: 0, reason: "\(count); it is tried again after \(Int(delay.seconds)) s")
        }
        return Verdict(starting: 1, reason: "\(count); it is tried on one worker")
    }
}
