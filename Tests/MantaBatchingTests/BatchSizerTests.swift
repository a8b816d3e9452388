import MantaBatching
import MantaCore
import Testing

@Suite("Batch size in force")
struct BatchSizerTests {
    /// Feeds a sizer with batches of every size up to what it allows, as a loaded server would.
    private func train(_ sizer: inout BatchSizer, rounds: Int = 40, cost: (Int) -> Duration) {
        for _ in 0..<rounds {
            var rows = 1
            while rows <= sizer.choice.rows {
                _ = sizer.record(rows: rows, time: cost(rows))
                rows *= 2
            }
        }
    }

    @Test("a model that gains from large batches gets them")
    func largeBatchesThatPayStay() {
        var sizer = BatchSizer(maxRows: 64)
        train(&sizer) { .microseconds(70 + 15 * $0) }
        #expect(sizer.choice.rows == 64)
    }

    @Test("a model that gains nothing from batches runs one row at a time")
    func batchesThatDoNotPayGo() {
        var sizer = BatchSizer(maxRows: 64)
        train(&sizer) { .microseconds(3500 * $0 + ($0 > 16 ? 600 * $0 : 0)) }
        #expect(sizer.choice.rows == 1)
        #expect(sizer.choice.reason.contains("rows/s"))
    }

    @Test("a size that was found worse is tried again and taken if it has become better")
    func worseSizesAreTriedAgain() {
        var sizer = BatchSizer(maxRows: 8)
        train(&sizer) { .microseconds(1000 * $0) }
        #expect(sizer.choice.rows == 1)

        train(&sizer, rounds: 20_000) { .microseconds(900 + 10 * $0) }

        #expect(sizer.choice.rows == 8)
    }

    @Test("an objective bounds a batch to half of it", arguments: [5, 10, 40])
    func objectiveBoundsTheRun(milliseconds: Int) throws {
        var sizer = BatchSizer(maxRows: 64, objective: .milliseconds(milliseconds))
        train(&sizer) { .microseconds(500 + 400 * $0) }

        let expected = try #require(sizer.curve.expectedTime(rows: sizer.choice.rows))
        #expect(expected <= .milliseconds(milliseconds) / 2 + .microseconds(1))
        #expect(sizer.choice.rows >= min(64, (milliseconds * 500 - 500) / 400 / 2))
    }

    @Test("the cost between known sizes is interpolated, beyond them extrapolated")
    func expectedTimes() throws {
        var curve = CostCurve()
        curve.record(rows: 1, time: .milliseconds(1))
        curve.record(rows: 4, time: .milliseconds(4))

        #expect(CostCurve().expectedTime(rows: 1) == nil)
        #expect(try #require(curve.expectedTime(rows: 2)).components.attoseconds / 1_000_000_000_000 == 2000)
        #expect(try #require(curve.expectedTime(rows: 8)).components.attoseconds / 1_000_000_000_000 == 8000)
    }
}
