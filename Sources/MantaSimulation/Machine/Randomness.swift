import MantaCore

#if canImport(Glibc)
    import Glibc
#endif

/// Random numbers that a seed brings back, and what a world draws with them.
struct Randomness: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    /// Whether something of this probability happens.
    mutating func happens(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }

    /// A number of a range.
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// A duration between two.
    mutating func duration(_ least: Duration, _ most: Duration) -> Duration {
        least + (most - least) * Double.random(in: 0...1, using: &self)
    }

    /// The time until the next of events that come independently, so often a second on average.
    mutating func interval(perSecond rate: Double) -> Duration {
        .seconds(-log(1 - Double.random(in: 0..<1, using: &self)) / rate)
    }

    /// One of several.
    mutating func one<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &self) }
}
