/// A digest by which equal things are found: fast, and nobody can choose things that collide.
///
/// The input, cut into numbers of 32 bits, is taken for the coefficients of a polynomial over the integers modulo 2^61 - 1,
/// whose value at a secret point is the digest (J. L. Carter and M. N. Wegman, Universal classes of hash functions, 1979).
/// Two inputs of n numbers collide at no more than n of all points, so for a megabyte with a probability of 2^-43, whatever
/// they are. Equal digests mean no equality: whoever finds one compares.
///
/// ```swift
/// var digest = KeyedDigest()
/// digest.combine(bytes)
/// let value = digest.finalize()
/// ```
struct KeyedDigest {
    private static let prime: UInt64 = 1 << 61 - 1
    private static let point = Point(UInt64.random(in: 2..<prime))

    /// The powers of the secret point, the first as the first.
    private struct Point {
        let powers: InlineArray<8, UInt64>

        init(_ point: UInt64) {
            var powers = InlineArray<8, UInt64>(repeating: point)
            for index in 1..<8 { powers[index] = KeyedDigest.remainder(UInt128(powers[index - 1]) * UInt128(point)) }
            self.powers = powers
        }
    }

    private let powers: InlineArray<8, UInt64>
    /// Not 0, which would make leading zeros no difference.
    private var value: UInt64 = 1

    /// The digest of nothing.
    init() { powers = Self.point.powers }

    /// Goes on with a number.
    mutating func combine(_ number: Int) { combine(UInt64(bitPattern: Int64(number))) }

    /// Goes on with bytes, filled up with zeros to a multiple of 8: their count has to be combined for itself.
    mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        // Four words at a time, since each step has to wait for the one before.
        while bytes.count - offset >= 32 {
            var sum = UInt128(value) &* UInt128(powers[7])
            for index in 0..<4 {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: offset + index * 8, as: UInt64.self)
                sum &+= UInt128(word & 0xFFFF_FFFF) &* UInt128(powers[6 - 2 * index])
                sum &+= index == 3 ? UInt128(word >> 32) : UInt128(word >> 32) &* UInt128(powers[5 - 2 * index])
            }
            value = Self.remainder(sum)
            offset += 32
        }
        while bytes.count - offset >= 8 {
            combine(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        guard offset < bytes.count else { return }
        var rest: UInt64 = 0
        while offset < bytes.count {
            rest = rest << 8 | UInt64(unsafe bytes[offset])
            offset += 1
        }
        combine(rest)
    }

    /// The digest, whose bits are all equally good.
    consuming func finalize() -> Int {
        var hasher = Hasher()
        hasher.combine(value < Self.prime ? value : value - Self.prime)
        return hasher.finalize()
    }

    @inline(__always)
    private mutating func combine(_ word: UInt64) {
        let sum = UInt128(value) &* UInt128(powers[1]) &+ UInt128(word & 0xFFFF_FFFF) &* UInt128(powers[0])
        value = Self.remainder(sum &+ UInt128(word >> 32))
    }

    /// What remains of a sum of at most 2^124, or the prime and up to 3 more.
    @inline(__always)
    private static func remainder(_ sum: UInt128) -> UInt64 {
        let once = UInt64(truncatingIfNeeded: sum) & prime &+ UInt64(truncatingIfNeeded: sum >> 61)
        return once & prime &+ once >> 61
    }
}
