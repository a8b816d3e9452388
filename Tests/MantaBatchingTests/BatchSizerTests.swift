import MantaBatching
import MantaCore
import MantaTestKit
import Testing

@Suite("Batch size in force")
struct BatchSizerTests {
    /// Feeds a sizer with batches of every size up to what it allows, as a loaded server would.
    private func train(_ sizer: inout BatchSizer, rounds: Int = 100, cost: (Int) -> Duration) {
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

    @Test("no more rows than may be are chosen, whatever requests of more rows took")
    func maximum() {
        var sizer = BatchSizer(maxRows: 1)
        for _ in 0..<64 {
            _ = sizer.record(rows: 16, time: .milliseconds(16))
            #expect(sizer.choice.rows == 1)
        }
    }

    @Test("a model that gains nothing from batches runs one row at a time")
    func batchesThatDoNotPayGo() {
        var sizer = BatchSizer(maxRows: 64)
        train(&sizer) { .microseconds(3500 * $0 + ($0 > 16 ? 600 * $0 : 0)) }
        #expect(sizer.choice.rows == 1)
        #expect(sizer.choice.reason.contains("rows/s"))
    }

    /// Runs full batches, as a server that has more to do than it can, until so many have run.
    private func saturate(_ sizer: inout BatchSizer, batches: Int, cost: (Int) -> Duration) -> [Int] {
        (0..<batches).map { _ in
            let rows = sizer.choice.rows
            _ = sizer.record(rows: rows, time: cost(rows))
            return rows
        }
    }

    @Test("under full load from the start, a model that loses by batches never runs one much larger than it should")
    func saturatedFromTheStart() {
        var sizer = BatchSizer(maxRows: 64)
        // magika on two CPUs.
        let rates = [1: 271.0, 2: 272, 4: 273, 8: 266, 16: 250, 32: 238, 64: 230]
        let sizes = saturate(&sizer, batches: 1000) { .seconds(Double($0) / rates[$0]!) }

        #expect(sizes.max() == 4)
        #expect(sizes.suffix(900).allSatisfy { $0 == 1 })
    }

    @Test("the climb ends where twice twice the rows have gained next to nothing")
    func flatTop() {
        var sizer = BatchSizer(maxRows: 64)
        // MiniLM on two CPUs.
        let rates = [1: 127.0, 2: 152, 4: 166, 8: 169, 16: 174, 32: 176, 64: 153]
        let sizes = saturate(&sizer, batches: 1000) { .seconds(Double($0) / rates[$0]!) }

        #expect(sizes.max() == 16)
        #expect(sizes.suffix(900).allSatisfy { $0 == 8 })
    }

    @Test("a size that is only somewhat worse doesn't end the climb")
    func dip() {
        var sizer = BatchSizer(maxRows: 4)
        let rates = [1: 100.0, 2: 96, 4: 140]
        let sizes = saturate(&sizer, batches: 200) { .seconds(Double($0) / rates[$0]!) }

        #expect(sizes.suffix(100).allSatisfy { $0 == 4 })
    }

    @Test("under full load from the start, a model that gains by batches gets the largest within some batches")
    func saturatedAndGaining() {
        var sizer = BatchSizer(maxRows: 56)
        let sizes = saturate(&sizer, batches: 200) { .microseconds(70 + 15 * $0) }

        #expect(sizes[0] == 1)
        #expect(sizes[60...].allSatisfy { $0 == 56 })
    }

    @Test("requests of several rows each share batches, although no batch of one row ever runs")
    func severalRowsEach() {
        var sizer = BatchSizer(maxRows: 64)
        for _ in 0..<100 {
            let rows = max(1, sizer.choice.rows / 3) * 3
            _ = sizer.record(rows: rows, time: .microseconds(70 + 15 * rows))
        }

        #expect(sizer.choice.rows == 64)
    }

    @Test("where all sizes give the same, larger ones are tried again and taken if they have become better")
    func flatCurveIsReviewed() {
        var sizer = BatchSizer(maxRows: 8)
        _ = saturate(&sizer, batches: 500) { .microseconds(1000 * $0) }
        #expect(sizer.choice.rows == 1)

        _ = saturate(&sizer, batches: 20_000) { .microseconds(900 + 100 * $0) }
        #expect(sizer.choice.rows == 8)
    }

    @Test("one that begins with the maximum finds the best size, below it and between", arguments: [1, 8, 64])
    func beginsFull(best: Int) {
        var sizer = BatchSizer(maxRows: 64, startRows: 64)
        let sizes = saturate(&sizer, batches: 2500) {
            .microseconds(100 * abs($0 - best) + 100 * $0 / best + 1000) * $0
        }

        #expect(sizes[0] == 64)
        #expect(sizer.choice.rows == best)
    }

    @Test("an objective that a slow moment seemed to break lets larger batches come back", arguments: 0..<20)
    func objectiveAfterHiccups(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var sizer = BatchSizer(maxRows: 64, objective: .milliseconds(10))
        _ = saturate(&sizer, batches: 100) { .microseconds(500 + 100 * $0) * Int.random(in: 5...20, using: &random) }
        _ = saturate(&sizer, batches: 20_000) { .microseconds(500 + 100 * $0) }

        #expect(sizer.choice.rows >= 32, "seed \(seed)")
    }

    @Test("one that follows another begins where that one was, and climbs down if it must", arguments: [1, 64])
    func begins(right: Int) {
        var sizer = BatchSizer(maxRows: 64)
        for _ in 0..<20 { _ = sizer.record(rows: 1, time: .microseconds(85)) }
        sizer.begin(with: 64)

        #expect(sizer.choice.rows == 64)
        _ = saturate(&sizer, batches: 200) { .microseconds(right == 64 ? 70 + 15 * $0 : 90 * $0) }
        #expect(sizer.choice.rows == right)
    }

    @Test("a machine that is busy with something else now and then doesn't mislead it", arguments: 0..<20)
    func hiccups(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var sizer = BatchSizer(maxRows: 64)
        _ = saturate(&sizer, batches: 200) { rows in
            .microseconds(70 + 15 * rows) * (Int.random(in: 0..<10, using: &random) == 0 ? 40 : 1)
        }

        #expect(sizer.choice.rows == 64, "seed \(seed)")
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
