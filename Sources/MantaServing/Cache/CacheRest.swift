import MantaTime

/// Whether a cache rests: where runs are short and hardly anything is asked twice, to look for each request costs more than
/// it saves. A value without clock or lock.
///
/// A cache that rests is asked for the requests of one part of all digests, and of another part after each window. So it
/// finds out, at the latest when each part has had its turn, if requests come back, and then no longer rests.
struct CacheRest: Sendable {
    /// Digests are in so many parts.
    static let parts = 16
    /// So many looks are judged at a time.
    static let window = 1024
    /// So many hits among them are worth it.
    static let enough = 32
    /// Beside runs that take longer on average, a look, which mostly takes some microseconds, is nothing.
    static let shortRun = Duration.microseconds(200)

    /// The part of the digests that a resting cache is asked for; `nil` if it doesn't rest.
    private(set) var part: Int?
    private var nextPart = 0
    private var (looks, hits, runs) = (0, 0, 0)
    private var runTime = Duration.zero

    /// The part that a digest is in, whose bits are all equally good.
    static func part(of digest: Int) -> Int {
        Int(truncatingIfNeeded: UInt(bitPattern: digest) >> (UInt.bitWidth - parts.trailingZeroBitCount))
    }

    /// Somebody has looked for an answer.
    mutating func looked(isHit: Bool) {
        looks += 1
        if isHit { hits += 1 }
        if hits >= Self.enough {
            part = nil
        } else if looks >= Self.window {
            part = runTime < Self.shortRun * runs ? nextPart : nil
            nextPart = (nextPart + 1) % Self.parts
        } else {
            return
        }
        (looks, hits, runs, runTime) = (0, 0, 0, .zero)
    }

    /// A request that had no answer was run, which took so long of the model's time.
    mutating func ran(_ duration: Duration) {
        runs += 1
        runTime += duration
    }
}
