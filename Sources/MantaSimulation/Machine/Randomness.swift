#if canImport(Glibc)
    import Glibc
#endif

/// Random numbers that a seed brings back (SplitMix64, Steele, Lea and Flood, OOPSLA 2014).
struct Randomness: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

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
