public import MantaTime

/// How much was served in the last minute, and how fast.
///
/// ```swift
/// var window = RateWindow(startingAt: clock.now)
/// window.record(duration: .milliseconds(2), failed: false, at: clock.now)
/// let perSecond = window.summary(at: clock.now).perSecond
/// ```
///
/// It has a place for each of the last 60 seconds, the present one included. Recording takes the same few steps whatever
/// was recorded before, and no memory.
public struct RateWindow: Sendable {
    /// What was recorded in the last minute.
    public struct Summary: Sendable, Hashable {
        /// Requests, failed ones included.
        public var requests = 0
        /// Requests that failed.
        public var failures = 0
        /// Requests a second, failed ones included.
        public var perSecond = 0.0
        /// The time that half of the requests that didn't fail took at most, to within 6.25 %; `nil` if there were none.
        public var p50: Duration?
        /// The time that 95 % of them took at most.
        public var p95: Duration?
        /// The time that 99 % of them took at most.
        public var p99: Duration?
        /// Rows in a batch, on average; `nil` if there was no batch.
        public var meanBatchRows: Double?

        /// That of nothing.
        public init() {}
    }

    /// What was recorded in one second, but for the latencies.
    private struct Second {
        /// Which second after the start it is; -1 if nothing was recorded yet.
        var number: Int64 = -1
        var requests = 0
        var failures = 0
        var rows = 0
        var batches = 0
    }

    private static let length = 60

    private let start: Instant
    private var seconds = [Second](repeating: Second(), count: length)
    /// The bins of all seconds, one second after the other.
    private var latencies = [UInt32](repeating: 0, count: length * LatencyBins.count)

    /// A window in which nothing was recorded yet.
    public init(startingAt start: Instant) {
        self.start = start
    }

    /// Counts a request that ended now.
    ///
    /// - Parameters:
    ///   - duration: How long it took. That of a failed one doesn't count: most are refused at once, and would make what
    ///     is slow look fast.
    ///   - failed: Whether it failed.
    ///   - now: The present. What is more than a minute older than the latest that was recorded is passed over.
    public mutating func record(duration: Duration, failed: Bool, at now: Instant) {
        guard let slot = slot(at: now) else { return }
        seconds[slot].requests += 1
        if failed {
            seconds[slot].failures += 1
        } else {
            latencies[slot * LatencyBins.count + LatencyBins.index(of: duration)] &+= 1
        }
    }

    /// Counts a batch that ended now.
    ///
    /// - Parameters:
    ///   - rows: How many rows it had.
    ///   - now: The present.
    public mutating func recordBatch(rows: Int, at now: Instant) {
        guard let slot = slot(at: now) else { return }
        seconds[slot].batches += 1
        seconds[slot].rows += rows
    }

    /// What was recorded in the present second and the 59 before it.
    ///
    /// `perSecond` divides by the time that these have lasted: 59 seconds and the part of the present one that is over,
    /// or less if the window is younger. In its first second it divides by one second.
    public func summary(at now: Instant) -> Summary {
        let current = number(at: now)
        let first = max(0, current - Int64(Self.length) + 1)
        var (summary, rows, batches) = (Summary(), 0, 0)
        var counts = [Int](repeating: 0, count: LatencyBins.count)
        for (slot, second) in seconds.enumerated() where (first...current).contains(second.number) {
            summary.requests += second.requests
            summary.failures += second.failures
            rows += second.rows
            batches += second.batches
            guard second.requests > second.failures else { continue }
            let offset = slot * LatencyBins.count
            for bin in counts.indices { counts[bin] += Int(latencies[offset + bin]) }
        }
        let elapsed = (now - start) / Duration.seconds(1) - Double(first)
        summary.perSecond = Double(summary.requests) / max(elapsed, 1)
        let succeeded = summary.requests - summary.failures
        summary.p50 = Self.percentile(50, of: succeeded, in: counts)
        summary.p95 = Self.percentile(95, of: succeeded, in: counts)
        summary.p99 = Self.percentile(99, of: succeeded, in: counts)
        summary.meanBatchRows = batches == 0 ? nil : Double(rows) / Double(batches)
        return summary
    }

    /// The least duration that so many percent of all don't exceed.
    private static func percentile(_ percent: Int, of total: Int, in counts: [Int]) -> Duration? {
        guard total > 0 else { return nil }
        var left = (total * percent + 99) / 100
        let bin = counts.firstIndex { count in
            left -= count
            return left <= 0
        }
        return bin.map(LatencyBins.middle)
    }

    /// Which second after the start it is.
    private func number(at now: Instant) -> Int64 { max(0, (now - start).components.seconds) }

    /// The place of this time's second, emptied if it held one that is over a minute ago; `nil` if it holds a later one.
    private mutating func slot(at now: Instant) -> Int? {
        let number = number(at: now)
        let slot = Int(number % Int64(Self.length))
        if seconds[slot].number == number { return slot }
        guard seconds[slot].number < number else { return nil }
        seconds[slot] = Second(number: number)
        for bin in slot * LatencyBins.count..<(slot + 1) * LatencyBins.count { latencies[bin] = 0 }
        return slot
    }
}
