import MantaTime

/// How much was counted during the last while, to a tenth of it.
struct SlidingCount: Sendable {
    private static let parts = 10
    private let part: Duration
    private var counts: [(began: Instant, count: Int)] = []

    init(over window: Duration) { part = window / Self.parts }

    /// Counts one more.
    mutating func add(at now: Instant) {
        expire(at: now)
        if let last = counts.indices.last, now < counts[last].began + part {
            counts[last].count += 1
        } else {
            counts.append((now, 1))
        }
    }

    /// What was counted in the window that ends now. What is at its start counts until the whole of its part is over.
    mutating func total(at now: Instant) -> Int {
        expire(at: now)
        return counts.reduce(0) { $0 + $1.count }
    }

    private mutating func expire(at now: Instant) {
        let begin = now - part * Self.parts
        counts.removeFirst(counts.firstIndex { $0.began + part > begin } ?? counts.count)
    }
}
