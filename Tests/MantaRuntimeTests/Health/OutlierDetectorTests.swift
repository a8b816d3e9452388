import MantaRuntime
import MantaTestKit
import MantaTime
import Testing

@Suite("Outlier detector")
struct OutlierDetectorTests {
    let start = Instant.now

    /// One that has answered a few requests, each after so long.
    private func detector(
        answering time: Duration? = .milliseconds(10), _ configuration: OutlierConfiguration = plain, seed: UInt64 = 1
    ) -> OutlierDetector<SeededGenerator> {
        var detector = OutlierDetector(configuration, random: SeededGenerator(seed: seed))
        guard let time else { return detector }
        for id in -20..<0 {
            detector.sent(id, at: start - time)
            detector.answered(id, at: start)
        }
        return detector
    }

    private static var plain: OutlierConfiguration {
        var configuration = OutlierConfiguration()
        configuration.delays.jitter = 0
        return configuration
    }

    private func after(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    @Test("a refused or reset connection takes a target out at once", arguments: [TargetFailure.refused, .reset])
    func broken(failure: TargetFailure) {
        var detector = detector()
        detector.sent(1, at: start)
        detector.failed(1, failure, at: after(1))

        #expect(detector.outage == Outage(since: after(1), reason: .broken(failure), probeAt: after(101)))
        #expect(!detector.mayTake(at: after(100)))
        #expect(detector.mayTake(at: after(101)))
    }

    @Test("requests that were under way when it went out are no further failures")
    func othersUnderWay() {
        var detector = detector()
        for id in 1...8 { detector.sent(id, at: start) }
        for id in 1...8 { detector.failed(id, .reset, at: after(id)) }

        #expect(detector.outage?.probeAt == after(101))
        #expect(detector.nextDue == nil)
    }

    @Test("failures take it out when there are enough in a row, and an answer between them starts over")
    func failing() {
        var detector = detector()
        for id in 1...9 {
            detector.sent(id, at: after(id))
            id == 5 ? detector.answered(id, at: after(id)) : detector.failed(id, .error("503"), at: after(id))
        }
        #expect(detector.outage == nil)

        detector.sent(10, at: after(10))
        detector.failed(10, .error("504"), at: after(10))
        #expect(detector.outage?.reason == .failing(5, last: "504"))
    }

    @Test("a target that falls silent is out within half a second, as usual answers take far less")
    func silent() throws {
        var detector = detector()
        detector.sent(1, at: start)
        let due = try #require(detector.nextDue)
        #expect(due == after(500))

        detector.passed(due - .nanoseconds(1))
        #expect(detector.outage == nil)
        detector.passed(due)
        #expect(detector.outage?.reason == .silent(.milliseconds(500)))
    }

    @Test("a slow model's target has as long as a few of its usual answers")
    func patience() {
        var slow = detector(answering: .seconds(2))
        slow.sent(1, at: start)
        #expect(slow.nextDue.map { $0 > after(5900) && $0 < after(6500) } ?? false)

        var new = detector(answering: nil)
        new.sent(1, at: start)
        #expect(new.nextDue == after(1000))
    }

    @Test("a deadline counts as the limit if it leaves time for a usual answer, and not at all if it doesn't")
    func deadlines() {
        var detector = detector()
        detector.sent(1, at: start, deadline: after(100))
        #expect(detector.nextDue == after(100))
        detector.sent(2, at: start, deadline: after(1))
        detector.withdrawn(2, at: after(1))
        #expect(detector.outage == nil)

        detector.withdrawn(1, at: after(100))
        #expect(detector.outage?.reason == .silent(.milliseconds(100)))
    }

    @Test("requests that are taken back one by one after longer than usual count as failures")
    func takenBack() {
        var detector = detector()
        for id in 1...5 {
            detector.sent(id, at: after(id * 40))
            detector.withdrawn(id, at: after(id * 40 + 30))
        }

        #expect(detector.outage?.reason == .failing(5, last: "no answer in 30.0 ms"))
    }

    @Test("callers that leave early say nothing about the target")
    func callersLeave() {
        var detector = detector()
        for id in 1...100 {
            detector.sent(id, at: after(id))
            detector.withdrawn(id, at: after(id + 1))
        }

        #expect(detector.outage == nil)
    }

    @Test("an answer that comes far too late takes it out, even if nobody looked at the clock")
    func slow() {
        var detector = detector()
        detector.sent(1, at: start)
        detector.answered(1, at: after(700))

        #expect(detector.outage?.reason == .slow(.milliseconds(700)))
    }

    @Test("one probe at a time is let through, and a good one puts it back in")
    func probe() {
        var detector = detector()
        detector.sent(1, at: start)
        detector.failed(1, .refused, at: start)

        detector.sent(2, at: after(100))
        #expect(!detector.mayTake(at: after(101)))
        detector.answered(2, at: after(110))
        #expect(detector.outage == nil)
        #expect(detector.mayTake(at: after(111)))
    }

    @Test("a probe that is taken back proves nothing, and the next request is one")
    func probeTakenBack() {
        var detector = detector()
        detector.sent(1, at: start)
        detector.failed(1, .refused, at: start)
        detector.sent(2, at: after(100))
        detector.withdrawn(2, at: after(101))

        #expect(detector.mayTake(at: after(101)))
        #expect(detector.outage?.since == start)
    }

    @Test("each failed probe doubles the delay up to the longest, whatever it failed by")
    func growingDelays() {
        var detector = detector()
        var (now, delays) = (start, [Int]())
        for id in 1...10 {
            detector.sent(id, at: now)
            detector.failed(id, id % 2 == 1 ? .refused : .error("503"), at: now)
            let probeAt = detector.outage?.probeAt ?? now
            delays.append(Int((probeAt - now).milliseconds))
            now = probeAt
        }

        #expect(delays == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000])
        #expect(detector.outage?.since == start)
    }

    @Test("going out again soon goes on with the long delays, and a long good time makes them short again")
    func recovery() {
        var detector = detector()
        var (now, id) = (start, 0)
        /// Goes out, and says for how long.
        func fail() -> Int {
            id += 1
            detector.sent(id, at: now)
            detector.failed(id, .reset, at: now)
            return Int(((detector.outage?.probeAt ?? now) - now).milliseconds)
        }
        func succeed() {
            id += 1
            now = max(now, detector.outage?.probeAt ?? now)
            detector.sent(id, at: now)
            detector.answered(id, at: now)
        }

        #expect(fail() == 100)
        succeed()
        now += .seconds(59)
        #expect(fail() == 200)
        succeed()
        now += .seconds(60)
        #expect(fail() == 100)
    }

    @Test("an answer to an old request shows that it lives: it is tried at once, and given the time that it takes now")
    func slowerForGood() {
        var detector = detector()
        detector.sent(1, at: start)
        detector.passed(after(500))
        detector.sent(2, at: after(600))
        detector.passed(after(1100))
        #expect(detector.outage?.probeAt == after(1300))

        detector.answered(2, at: after(1200))
        #expect(detector.mayTake(at: after(1200)))
        detector.sent(3, at: after(1200))
        detector.passed(after(1800))
        detector.answered(3, at: after(1800))
        #expect(detector.outage == nil)
    }

    @Test("delays are spread by a share, and the same seed gives the same ones", arguments: 0..<20)
    func jitter(seed: UInt64) throws {
        func delay(_ seed: UInt64) throws -> Double {
            var detector = detector(OutlierConfiguration(), seed: seed)
            detector.sent(1, at: start)
            detector.failed(1, .reset, at: start)
            return (try #require(detector.outage).probeAt - start).milliseconds
        }

        #expect((80...120).contains(try delay(seed)))
        #expect(try delay(seed) == delay(seed))
        #expect(try delay(seed) != delay(seed + 1))
    }

    @Test("whatever happens: out means no more than one request, and no silence lasts", arguments: 0..<100)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var detector = detector(answering: nil, OutlierConfiguration(), seed: seed)
        var (now, id, underWay) = (start, 0, Set<Int>())
        for _ in 0..<2000 {
            now += .milliseconds(Int.random(in: 0...40, using: &random))
            if let due = detector.nextDue, due <= now {
                detector.passed(now)
                #expect(detector.outage != nil && detector.nextDue == nil, "seed \(seed)")
            }
            if detector.mayTake(at: now), Bool.random(using: &random) {
                let wasOut = detector.outage != nil
                id += 1
                underWay.insert(id)
                detector.sent(
                    id, at: now, deadline: now + .milliseconds(Int.random(in: 0...3000, using: &random)))
                if wasOut { #expect(!detector.mayTake(at: now), "seed \(seed)") }
            }
            guard let one = underWay.sorted().randomElement(using: &random) else { continue }
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4: detector.answered(one, at: now)
            case 5: detector.failed(one, .error("no"), at: now)
            case 6: detector.failed(one, .reset, at: now)
            case 7: detector.withdrawn(one, at: now)
            default: continue
            }
            underWay.remove(one)
            if let outage = detector.outage {
                #expect(outage.probeAt <= now + .seconds(36) && outage.since <= now, "seed \(seed)")
            }
        }
    }
}
