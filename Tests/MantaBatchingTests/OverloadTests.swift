import Glibc
import MantaBatching
import MantaCore
import MantaTestKit
import MantaTime
import Testing

/// Requests with deadlines, more than replicas can do, in virtual time.
@Suite("Overload")
struct OverloadTests {
    /// Two replicas whose runs take a time and then some for each row, give or take a fifth.
    private struct Simulation {
        var random: SeededGenerator
        var queue = BatchQueue<Int>(limits: BatchLimits(rows: 8))
        let start = Instant.now
        /// By replica when its run ends, and until when its requests have to be answered.
        var runs: [Int: (end: Instant, time: Duration, deadlines: [Instant])] = [:]
        var good = 0
        var late = 0
        var refused = 0
        var expired = 0

        /// How many times as long as was learned runs take.
        let slowness: Double

        init(seed: UInt64, knowsPace: Bool, slowness: Double = 1) {
            self.slowness = slowness
            random = SeededGenerator(seed: seed)
            if knowsPace { queue.pace = BatchPace(replicas: 2, times: [1, 2, 4, 8].map { Self.time(rows: $0) }) }
            for replica in 0..<2 { _ = queue.offer(replica: replica, at: start) }
        }

        static func time(rows: Int) -> Duration { .milliseconds(10 + 10 * rows) }

        /// Answers in time for each second, of requests that come at random, so many a second, and wait 500 ms.
        mutating func goodput(rate: Double, seconds: Int) -> Double {
            let key = BatchKey(inputs: [], outputs: [0])
            var (arrival, id) = (start, UInt64(0))
            while arrival < start + .seconds(seconds) {
                if let next = runs.min(by: { $0.value.end < $1.value.end }), next.value.end <= arrival {
                    finish(next.key)
                    continue
                }
                id += 1
                let request = QueuedRequest(
                    id: id, key: key, rows: 1, byteCount: 1, arrived: arrival, deadline: arrival + .milliseconds(500),
                    payload: 0)
                let (admission, decision) = queue.admit(request, at: arrival)
                if admission != .accepted { refused += 1 }
                act(on: decision, at: arrival)
                arrival += .seconds(-log(Double.random(in: Double.ulpOfOne..<1, using: &random)) / rate)
            }
            return Double(good) / Double(seconds)
        }

        private mutating func finish(_ replica: Int) {
            guard let run = runs.removeValue(forKey: replica) else { return }
            for deadline in run.deadlines { if deadline >= run.end { good += 1 } else { late += 1 } }
            queue.pace?.ran(rows: run.deadlines.count, time: run.time)
            act(on: queue.offer(replica: replica, at: run.end), at: run.end)
        }

        private mutating func act(on decision: BatchQueue<Int>.Decision, at now: Instant) {
            expired += decision.expired.count
            for (replica, batch) in decision.batches {
                let time = Self.time(rows: batch.count) * (slowness * Double.random(in: 0.8...1.2, using: &random))
                runs[replica] = (now + time, time, batch.map(\.deadline))
            }
        }
    }

    /// Rows a second of two replicas, each with 8 rows in 90 ms.
    private let capacity = 2 * 8 / 0.09

    @Test(
        "nearly all that can be done is done in time, and next to nothing in vain",
        arguments: [(2.0, 0.95), (5.0, 0.9), (20.0, 0.9)])
    func goodput(factor: Double, least: Double) {
        for seed in UInt64(1)...3 {
            var overload = Simulation(seed: seed, knowsPace: true)
            let goodput = overload.goodput(rate: factor * capacity, seconds: 10)

            #expect(goodput >= least * capacity, "seed \(seed): \(goodput) of \(capacity)")
            #expect(overload.late < overload.good / 50, "seed \(seed)")
            #expect(overload.late + overload.expired < overload.good / 20, "seed \(seed)")
        }
    }

    @Test("where runs take longer than was learned, little is done in vain but at first", arguments: [1.3, 1.6, 1.9])
    func slower(slowness: Double) {
        for seed in UInt64(1)...3 {
            var overload = Simulation(seed: seed, knowsPace: true, slowness: slowness)
            let goodput = overload.goodput(rate: 10 * capacity, seconds: 10)

            #expect(goodput >= 0.9 * capacity / slowness, "seed \(seed): \(goodput) of \(capacity / slowness)")
            #expect(overload.late < overload.good / 20, "seed \(seed)")
        }
    }

    @Test("slowness counts at once, once, and no longer than it lasts")
    func slowness() {
        let learned = BatchPace(replicas: 1, times: [10, 20, 40].map { .milliseconds($0) })
        var pace = learned
        func run(_ count: Int, milliseconds: Int) {
            for _ in 0..<count { pace.ran(rows: 4, time: .milliseconds(milliseconds)) }
        }

        run(8, milliseconds: 60)
        #expect(pace.run(rows: 4) > .milliseconds(55) && pace.run(rows: 4) <= .milliseconds(60))
        #expect(pace.run(rows: 1) > .milliseconds(13) && pace.run(rows: 1) <= .milliseconds(15))
        // Now it is learned.
        pace = pace.relearned(BatchPace(replicas: 1, times: [15, 30, 60].map { .milliseconds($0) }))
        #expect(pace.run(rows: 4) == .milliseconds(60))
        run(8, milliseconds: 90)
        #expect(pace.run(rows: 4) > .milliseconds(80))
        run(16, milliseconds: 60)
        #expect(pace.run(rows: 4) == .milliseconds(60))
        // One that was interrupted says little.
        run(1, milliseconds: 6000)
        #expect(pace.run(rows: 4) <= .milliseconds(75))
    }

    @Test("without knowing what runs take, much of what is done is too late")
    func ignorant() {
        var overload = Simulation(seed: 1, knowsPace: false)

        #expect(overload.goodput(rate: 5 * capacity, seconds: 10) < 0.8 * capacity)
    }

    @Test("below what can be done nobody is refused")
    func light() {
        var light = Simulation(seed: 2, knowsPace: true)
        _ = light.goodput(rate: 0.7 * capacity, seconds: 10)

        #expect(light.refused == 0)
        #expect(light.expired == 0)
    }

    @Test("a batch takes at most half of the time that its first request has")
    func smallBatches() {
        let now = Instant.now
        var queue = BatchQueue<Int>(limits: BatchLimits(rows: 64))
        queue.pace = BatchPace(replicas: 1, times: (0...6).map { .milliseconds(10 << $0) })
        for id in UInt64(1)...50 {
            let request = QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: now,
                deadline: now + .seconds(1), payload: 0)
            #expect(queue.admit(request, at: now).0 == .accepted)
        }

        // 32 rows take 320 ms, 64 take 640 ms.
        #expect(queue.offer(replica: 0, at: now).batches.map(\.requests.count) == [32])
    }

    @Test("who finds nobody waiting gets in, and the last one runs, however slow runs were")
    func relearns() {
        let now = Instant.now
        var queue = BatchQueue<Int>(limits: BatchLimits(rows: 8))
        queue.pace = BatchPace(replicas: 1, times: [.seconds(100)])
        func request(_ id: UInt64) -> QueuedRequest<Int> {
            QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: now,
                deadline: now + .seconds(1), payload: 0)
        }

        #expect(queue.admit(request(1), at: now).0 == .accepted)
        #expect(queue.admit(request(2), at: now).0 == .tooLate(.seconds(300)))
        #expect(queue.offer(replica: 0, at: now).batches.map { $0.requests.map(\.id) } == [[1]])
    }

    @Test("fewer rows are never expected to take longer than more")
    func monotone() {
        let pace = BatchPace(replicas: 1, times: [10, 60, 20, 30, 80].map { .milliseconds($0) })

        #expect(pace.run(rows: 2) == .milliseconds(20))
        #expect(pace.rows(within: .milliseconds(50)) == 8)
    }

    @Test("a request's own batch is expected to be full where others like it have come faster than they ran")
    func backlog() {
        let now = Instant.now
        var queue = BatchQueue<Int>(limits: BatchLimits(rows: 8))
        queue.pace = BatchPace(replicas: 1, times: [10, 20, 40, 80].map { .milliseconds($0) })
        func admit(_ id: UInt64, output: Int) -> BatchQueue<Int>.Admission {
            let request = QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [output]), rows: 1, byteCount: 1, arrived: now,
                deadline: now + .milliseconds(250), payload: 0)
            return queue.admit(request, at: now).0
        }

        // One batch before, and twice one of one row: 100 ms. The same for one of another key.
        for id in UInt64(1)...9 { #expect(admit(id, output: 0) == .accepted) }
        #expect(admit(10, output: 1) == .accepted)
        for id in UInt64(11)...17 { #expect(admit(id, output: 0) == .accepted) }
        // Two batches before, and twice one of two rows: 200 ms. Of the other key there are two batches, and it will be full.
        #expect(admit(18, output: 1) == .accepted)
        #expect(admit(19, output: 0) == .tooLate(.milliseconds(2 * 80 + 2 * 80)))
    }

    @Test("an idle replica doesn't wait for more rows than the deadline allows")
    func delay() {
        let now = Instant.now
        var queue = BatchQueue<Int>(limits: BatchLimits(rows: 64, delay: .milliseconds(200)))
        queue.pace = BatchPace(replicas: 1, times: (0...6).map { .milliseconds(3 << $0) })
        _ = queue.offer(replica: 0, at: now)
        let sizes = (UInt64(1)...16).map { id in
            let request = QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: now,
                deadline: now + .milliseconds(100), payload: 0)
            return queue.admit(request, at: now).1.batches.map(\.requests.count)
        }

        // 16 rows take 48 ms.
        #expect(sizes.dropLast().allSatisfy(\.isEmpty) && sizes.last == [16])
    }

    @Test("requests that run alone are expected one after the other")
    func alone() {
        let now = Instant.now
        var limits = BatchLimits(rows: 64)
        limits.isShared = false
        var queue = BatchQueue<Int>(limits: limits)
        queue.pace = BatchPace(replicas: 1, times: [.milliseconds(10)])
        let admissions = (UInt64(1)...12).map { id in
            let request = QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: now,
                deadline: now + .milliseconds(100), payload: 0)
            return queue.admit(request, at: now).0
        }

        #expect(admissions.prefix(9).allSatisfy { $0 == .accepted })
        #expect(admissions[9] == .tooLate(.milliseconds(110)))
    }
}
