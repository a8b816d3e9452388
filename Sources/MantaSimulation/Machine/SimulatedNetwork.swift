import MantaTime

/// Carries messages between processes, after a delay, unless the link between them is cut.
///
/// A cut link says nothing to either end: what is sent is lost. Unchecked Sendable: see ``EventLoop``.
final class SimulatedNetwork: @unchecked Sendable {
    private struct Link: Hashable {
        let ends: [String]

        init(_ one: String, _ other: String) { ends = [one, other].sorted() }
    }

    private let loop = EventLoop.shared
    private var cuts: [Link: Int] = [:]
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
        let count = cuts[Link(one, other)] ?? 0
        cuts[Link(one, other)] = count > 1 ? count - 1 : nil
    }

    /// Has `body` happen at the other end, if the message gets there.
    func send(from sender: String, to receiver: String, _ body: @escaping () -> Void) {
        guard !isCut(sender, receiver) else { return }
        var wait = loop.random.duration(delay / 10, delay)
        if lateness > 0, loop.random.happens(lateness) { wait = wait * 100 }
        loop.after(wait) { [self] in
            if !isCut(sender, receiver) { body() }
        }
    }
}
