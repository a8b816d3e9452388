import MantaTelemetry
import MantaTestKit
import MantaTime
import Testing

@Suite("Rates of the last minute")
struct RateWindowTests {
    let start = Instant.now

    @Test("nothing recorded is nothing known")
    func empty() {
        let summary = RateWindow(startingAt: start).summary(at: start + .seconds(30))
        #expect(summary == RateWindow.Summary())
    }

    @Test("requests a second are those that came, over the time that has passed", arguments: [2.0, 10.25, 59.9])
    func rateOfAYoungWindow(seconds: Double) {
        var window = RateWindow(startingAt: start)
        for _ in 0..<100 { window.record(duration: .milliseconds(1), failed: false, at: start) }
        let summary = window.summary(at: start + .seconds(seconds))
        #expect(abs(summary.perSecond - 100 / seconds) < 1e-6)
    }

    @Test("steady traffic has the same rate whatever part of the present second is over", arguments: 0..<20)
    func rateIsNotBiased(part: Int) {
        var window = RateWindow(startingAt: start)
        let now = start + .seconds(200) + .milliseconds(50 * part)
        // 20 a second, in the middle of each twentieth.
        for tick in 0..<(200 * 20 + part) {
            window.record(duration: .milliseconds(1), failed: false, at: start + .milliseconds(50 * tick + 25))
        }
        #expect(abs(window.summary(at: now).perSecond - 20) < 1e-6)
    }

    @Test("what is over a minute ago no longer counts, even if nothing came since")
    func oldTrafficIsForgotten() {
        var window = RateWindow(startingAt: start)
        window.record(duration: .milliseconds(1), failed: true, at: start + .seconds(5))
        window.recordBatch(rows: 4, at: start + .seconds(5))
        #expect(window.summary(at: start + .seconds(64)).requests == 1)
        #expect(window.summary(at: start + .seconds(65)) == RateWindow.Summary())
    }

    @Test("what comes late counts in its own second, or not at all if that is over a minute ago")
    func lateRecords() {
        var window = RateWindow(startingAt: start)
        window.record(duration: .milliseconds(1), failed: false, at: start + .seconds(70))
        window.record(duration: .milliseconds(1), failed: false, at: start + .seconds(20))
        window.record(duration: .milliseconds(1), failed: false, at: start + .seconds(10))
        #expect(window.summary(at: start + .seconds(70)).requests == 2)
        #expect(window.summary(at: start + .seconds(80)).requests == 1)
    }

    @Test("failures count, but not their times")
    func failuresHaveNoLatency() throws {
        var window = RateWindow(startingAt: start)
        for _ in 0..<99 { window.record(duration: .microseconds(20), failed: true, at: start) }
        #expect(window.summary(at: start).p99 == nil)
        window.record(duration: .seconds(1), failed: false, at: start)

        let summary = window.summary(at: start + .seconds(1))

        #expect(summary.requests == 100 && summary.failures == 99)
        #expect(try #require(summary.p50) > .milliseconds(900))
    }

    @Test("times beyond the bins count as the shortest and the longest told apart")
    func extremes() throws {
        for (duration, range) in [
            (Duration.zero, Duration.zero...Duration.microseconds(10)),
            (.microseconds(-5), .zero ... .microseconds(10)),
            (.seconds(100_000), .seconds(100) ... .seconds(140)),
        ] {
            var window = RateWindow(startingAt: start)
            window.record(duration: duration, failed: false, at: start)
            #expect(range.contains(try #require(window.summary(at: start).p50)))
        }
    }

    /// Random traffic with pauses, compared with an exact computation over all that was ever recorded.
    @Test(
        "percentiles are within 6.25 % of the exact ones, and all counts are exact",
        arguments: 1...40 as ClosedRange<UInt64>)
    func agreesWithExactComputation(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var window = RateWindow(startingAt: start)
        var requests: [(second: Int, nanoseconds: Double, failed: Bool)] = []
        var batches: [(second: Int, rows: Int)] = []
        var now = 0.0
        let spread = Double.random(in: 0.1...14, using: &random)

        for _ in 0..<2000 {
            let pause = Int.random(in: 0..<200, using: &random) == 0 ? 30.0 : 0.1
            now += .random(in: 0...pause, using: &random)
            // Spread evenly over magnitudes between 10 µs and about 12 s.
            let nanoseconds = 1e4 * Double.exponent2(.random(in: 0...spread, using: &random) * 1.44)
            let failed = Int.random(in: 0..<5, using: &random) == 0
            window.record(duration: .nanoseconds(Int64(nanoseconds)), failed: failed, at: start + .seconds(now))
            requests.append((Int(now), nanoseconds, failed))
            let rows = Int.random(in: 1...64, using: &random)
            window.recordBatch(rows: rows, at: start + .seconds(now))
            batches.append((Int(now), rows))
        }
        now += .random(in: 0...20, using: &random)
        let summary = window.summary(at: start + .seconds(now))

        let first = max(0, Int(now) - 59)
        let counted = requests.filter { $0.second >= first }
        let times = counted.filter { !$0.failed }.map(\.nanoseconds).sorted()
        let rows = batches.filter { $0.second >= first }.map(\.rows)
        #expect(summary.requests == counted.count, "seed \(seed)")
        #expect(summary.failures == counted.count { $0.failed }, "seed \(seed)")
        #expect(abs(summary.perSecond - Double(counted.count) / (now - Double(first))) < 1e-6, "seed \(seed)")
        let mean = rows.isEmpty ? nil : Double(rows.reduce(0, +)) / Double(rows.count)
        #expect(summary.meanBatchRows == mean, "seed \(seed)")
        for (percent, found) in [(50, summary.p50), (95, summary.p95), (99, summary.p99)] {
            guard !times.isEmpty else {
                #expect(found == nil, "seed \(seed)")
                continue
            }
            let exact = times[(times.count * percent + 99) / 100 - 1]
            let nanoseconds = try #require(found) / .nanoseconds(1)
            #expect(abs(nanoseconds - exact) <= exact * 0.0625 + 1, "seed \(seed): p\(percent) of \(times.count)")
        }
    }
}

extension Double {
    /// 2 to the power of `exponent`.
    fileprivate static func exponent2(_ exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        // Linear between powers of two: all that matters here is that magnitudes are spread.
        return Double(sign: .plus, exponent: Int(whole), significand: 1 + exponent - whole)
    }
}
