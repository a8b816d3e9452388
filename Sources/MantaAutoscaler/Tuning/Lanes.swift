/// How many batches run at a time, and how many threads run each: what a ``Tuner`` chooses.
package struct Lanes: Sendable, Hashable, CustomStringConvertible {
    /// At least 1.
    package var replicas: Int
    /// Threads within one run, at least 1.
    package var threads: Int

    /// So many replicas with so many threads each.
    package init(replicas: Int, threads: Int) {
        (self.replicas, self.threads) = (replicas, threads)
    }

    /// Such as `2 × 1`, replicas first.
    package var description: String { "\(replicas) × \(threads)" }
}

extension Lanes {
    /// The settings that are tried first: threads are powers of two, half of the CPUs and all of them, and replicas as
    /// many as there are CPUs for, halved and halved again. 28 for 64 CPUs, 3 for two.
    static func choices(cpus: Int) -> [Lanes] {
        let powers = (0..<Int.bitWidth - 1).lazy.map { 1 << $0 }.prefix { $0 <= cpus }
        return Set(powers + [max(cpus / 2, 1), cpus]).sorted().flatMap { threads in
            halvings(of: cpus / threads).map { Lanes(replicas: $0, threads: threads) }
        }
    }

    private static func halvings(of count: Int) -> [Int] {
        Array(sequence(first: count) { $0 > 1 ? $0 / 2 : nil })
    }

    /// How many doublings of replicas or of threads away, whichever are more.
    func distance(to other: Lanes) -> Int {
        max(
            abs(Self.magnitude(replicas) - Self.magnitude(other.replicas)),
            abs(Self.magnitude(threads) - Self.magnitude(other.threads)))
    }

    private static func magnitude(_ count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }

    /// Whether it goes at least as far from `start` as `other` does, in the same direction: with the same numbers raised,
    /// lowered and left.
    func isBeyond(_ other: Lanes, from start: Lanes) -> Bool {
        func isBeyond(_ own: Int, _ other: Int, _ start: Int) -> Bool {
            other == start ? own == start : other > start ? own >= other : own <= other
        }
        return isBeyond(replicas, other.replicas, start.replicas) && isBeyond(threads, other.threads, start.threads)
    }

    /// Settings in the middle between this one and those nearest to it of `others`, that have the same threads, the same
    /// replicas, or use all CPUs.
    ///
    /// None where the numbers are within a quarter of each other: what could be gained there isn't worth the trials.
    func middles(towards others: some Sequence<Lanes>, cpus: Int) -> [Lanes] {
        func middle(_ own: Int, _ others: [Int]) -> [Int] {
            [others.filter { $0 < own }.max(), others.filter { $0 > own }.min()].compactMap { other in
                guard let other, abs(own - other) * 4 > max(own, other), abs(own - other) > 1 else { return nil }
                return (own + other) / 2
            }
        }
        let sameThreads = others.filter { $0.threads == threads }.map(\.replicas)
        let sameReplicas = others.filter { $0.replicas == replicas }.map(\.threads)
        let full = cpus / threads == replicas ? others.filter { cpus / $0.threads == $0.replicas }.map(\.replicas) : []
        let middles =
            middle(replicas, full).map { Lanes(replicas: $0, threads: cpus / $0) }
            + middle(replicas, sameThreads).map { Lanes(replicas: $0, threads: threads) }
            + middle(threads, sameReplicas).map { Lanes(replicas: replicas, threads: $0) }
        return middles.filter { $0.replicas * $0.threads <= cpus }
    }
}
