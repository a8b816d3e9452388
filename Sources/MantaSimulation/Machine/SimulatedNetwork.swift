import MantaTime

/// Carries messages between processes, after a delay, or once the link between them isn't cut any more.
///
/// A cut link says nothing to either end. What is sent meanwhile arrives late, in any order, as TCP sends again what nobody
/// acknowledged, however long ago its sender gave up. Unchecked Sendable: see ``EventLoop``.
final class SimulatedNetwork: @unchecked Sendable {
    private struct Link: Hashable {
        let ends: [String]

        init(_ one: String, _ other: String) { ends = [one, other].sorted() }
    }

    private let loop = EventLoop.shared
    /// How long after a link is mended what was sent before gets through: TCP tries again after longer and longer times.
    private static let resending = Duration.seconds(2)

    private var cuts: [Link: Int] = [:]
    /// What waits for a link to be mended.
    private var held: [Link: [() -> Void]] = [:]
    /// How long a message takes at most, mostly.
    private let delay: Duration
    /// How often one takes a hundred times as long.
    private let lateness: Double

    init() {
        delay = loop.random.duration(.microseconds(200), .milliseconds(3))
        lateness = loop.random.happens(0.5) ? 0 : Double.random(in: 0...0.01, using: &loop.random)
    }

    func isCut(_ one: String, _ other: String) -> Bool { cuts[Link(one, other)] ?? 0 > 0 }

    /// Cuts a link, or one cut more.
    func cut(_ one: String, _ other: String) { cuts[Link(one, other), default: 0] += 1 }

    /// Takes one cut back.
    func mend(_ one: String, _ other: String) {
        let link = Link(one, other)
        let count = cuts[link] ?? 0
        cuts[link] = count > 1 ? count - 1 : nil
        guard count <= 1 else { return }
        for body in held.removeValue(forKey: link) ?? [] {
            loop.after(loop.random.duration(.zero, Self.resending)) { [self] in pass(over: link, body) }
        }
    }

    /// Has `body` happen at the other end, when the message gets there.
    func send(from sender: String, to receiver: String, _ body: @escaping () -> Void) {
        let link = Link(sender, receiver)
        var wait = loop.random.duration(delay / 10, delay)
        if lateness > 0, loop.random.happens(lateness) { wait = wait * 100 }
        loop.after(wait) { [self] in pass(over: link, body) }
    }

    private func pass(over link: Link, _ body: @escaping () -> Void) {
        if cuts[link] == nil { body() } else { held[link, default: []].append(body) }
    }
}
