import MantaAutoscaler
import MantaTestKit
import MantaTime
import Testing

@testable import MantaFleet

@Suite("What a front says of its load")
struct LoadReportTests {
    private static let interval = Duration.milliseconds(100)

    /// A front that measures again and again.
    private struct Front {
        var report = LoadReport()
        var now = Instant.now
        var said: [(at: Instant, record: LoadRecord)] = []

        mutating func measure(_ samples: [String: LoadSample]) {
            now += LoadReportTests.interval
            if let record = report.measured(samples, at: now) { said.append((now, record)) }
        }

        mutating func measure(_ samples: [String: LoadSample], for duration: Duration) {
            let end = now + duration
            while now < end { measure(samples) }
        }
    }

    private static let rest = LoadSample(ongoing: 0, queued: 0, replicas: 1)
    private static let load = LoadSample(ongoing: 4, queued: 1, arrivals: 2, replicas: 1, runTime: .milliseconds(20))

    @Test("nothing is said at rest, and once when it begins")
    func rest() throws {
        var front = Front()
        front.measure(["m": Self.rest], for: .seconds(60))
        #expect(front.said.isEmpty)
        front.measure(["m": Self.load], for: .seconds(2))
        front.measure(["m": Self.rest], for: .seconds(60))
        #expect(try #require(front.said.last).record.loads.isEmpty)
        #expect(front.said.count <= 4, "\(front.said)")
    }

    @Test("what is the same is said now and then, with its averages")
    func steady() throws {
        var front = Front()
        front.measure(["m": Self.load, "n": Self.rest], for: .seconds(61))
        #expect((10...15).contains(front.said.count), "\(front.said.map(\.at))")
        let load = try #require(front.said.last?.record.loads["m"])
        #expect(abs(load.ongoing - 4) < 0.01 && abs(load.arrivals - 20) < 0.1 && load.queued == 1, "\(load)")
        #expect(load.runTime == .milliseconds(20))
        #expect(front.said.allSatisfy { $0.record.loads["n"] == nil })
    }

    @Test("a request that waits for a deployment without a replica is told at once, and once")
    func urgent() throws {
        var front = Front()
        front.measure(["m": LoadSample(ongoing: 0, queued: 0, replicas: 0)], for: .milliseconds(250))
        let came = front.now + Self.interval
        front.measure(["m": LoadSample(ongoing: 1, queued: 1, replicas: 0)], for: .seconds(1))
        let first = try #require(front.said.first)
        #expect(first.at == came && first.record.loads["m"]?.ongoing == 1)
        #expect(front.said.count <= 2)
    }

    @Test("what was lost is said again")
    func lost() {
        var front = Front()
        front.measure(["m": Self.load], for: .seconds(2))
        let count = front.said.count
        front.report.lost()
        front.measure(["m": Self.load], for: .seconds(1))
        #expect(front.said.count == count + 1)
    }

    @Test(
        "whatever the load: said at most once in a second but for what is urgent, never silent about load for long",
        arguments: 0..<100)
    func anyLoad(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var front = Front()
        for _ in 0..<100 {
            let sample = LoadSample(
                ongoing: Int.random(in: 0...3, using: &random) * Int.random(in: 0...100, using: &random),
                queued: Int.random(in: 0...10, using: &random), arrivals: Int.random(in: 0...5, using: &random),
                refused: Int.random(in: 0...1, using: &random), replicas: 1)
            front.measure(
                ["m": Bool.random(using: &random) ? Self.rest : sample],
                for: .milliseconds(Int.random(in: 50...8000, using: &random)))
        }
        front.measure(["m": Self.load], for: .seconds(10))
        for (one, next) in zip(front.said, front.said.dropFirst()) {
            #expect(next.at - one.at >= LoadReport.interval, "seed \(seed)")
            let longest = LoadReport.refreshTime + LoadReport.interval + Self.interval
            if !one.record.loads.isEmpty { #expect(next.at - one.at <= longest, "seed \(seed)") }
        }
        front.measure(["m": Self.rest], for: .seconds(3))
        #expect(front.said.last?.record.loads.isEmpty == true, "seed \(seed)")
    }
}
