import MantaTestKit
import Testing

@testable import MantaServing

@Suite("How long batches take elsewhere")
struct BatchTimesTests {
    @Test("nothing is said of few, then the percentile of those of about as many rows")
    func percentile() {
        var times = BatchTimes(percent: 95)
        for index in 1..<BatchTimes.least { times.add(.milliseconds(index), rows: 1) }
        #expect(times.percentile(rows: 1) == nil)

        times.add(.milliseconds(BatchTimes.least), rows: 1)
        for _ in 0..<100 { times.add(.seconds(1), rows: 40) }

        // 31 of 32 are 96.9 %, 30 only 93.8 %.
        #expect(times.percentile(rows: 1) == .milliseconds(31))
        #expect(times.percentile(rows: 2) == nil)
        #expect([33, 40, 64].map { times.percentile(rows: $0) } == Array(repeating: .seconds(1), count: 3))
        #expect(times.percentile(rows: 32) == nil && times.percentile(rows: 65) == nil)
    }

    @Test("only the latest count", arguments: [50.0, 99.9])
    func window(percent: Double) {
        var times = BatchTimes(percent: percent)
        for _ in 0..<BatchTimes.window { times.add(.seconds(1), rows: 1) }
        for _ in 0..<BatchTimes.window { times.add(.milliseconds(1), rows: 1) }

        #expect(times.percentile(rows: 1) == .milliseconds(1))
    }

    @Test("the percentile is that of all that count, whatever they are", arguments: 0..<4)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var times = BatchTimes(percent: 90)
        let all = (0..<BatchTimes.window).map { _ in Duration.microseconds(Int.random(in: 1...100_000, using: &random))
        }
        for time in all { times.add(time, rows: 3) }

        let percentile = try #require(times.percentile(rows: 4))
        let within = all.count { $0 <= percentile }
        #expect(within * 10 >= all.count * 9 && all.count { $0 < percentile } * 10 < all.count * 9, "seed \(seed)")
    }
}
