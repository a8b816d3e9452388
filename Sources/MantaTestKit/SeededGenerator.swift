import MantaCore

/// Random numbers that a printed seed brings back.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// The sequence of this seed.
    public init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        generator.next()
    }
}
