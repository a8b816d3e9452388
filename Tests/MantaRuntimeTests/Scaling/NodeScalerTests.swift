import MantaTime
import Testing

@testable import MantaRuntime

@Suite("How many workers there are to be")
struct NodeScalerTests {
    private let start = Instant.now
    private let shape = NodeScaler.Shape(Resources(cpus: Amount(4)), labels: ["zone": "eu"])

    private func scaler(_ count: ClosedRange<Int> = 0...10, idleTime: Duration = .seconds(60)) -> NodeScaler {
        NodeScaler(.init(count: count, idleTime: idleTime, shape: shape))
    }

    private func situation(
        _ count: Int, busy: Set<Int> = [], idle: Set<Int> = [], waiting: [Demand] = []
    ) -> NodeScaler.Situation {
        var workers: [Int: NodeScaler.Worker] = [:]
        for number in busy.union(idle) { workers[number] = .init(shape, isBusy: busy.contains(number)) }
        return .init(count: count, workers: workers, waiting: waiting)
    }

    private func demand(_ count: Int, cpus: Int, _ group: String = "m", labels: [String: String] = [:]) -> Demand {
        Demand(group: group, count: count, resources: Resources(cpus: Amount(cpus)), required: labels)
    }

    @Test("as many workers are started at once as what waits needs", arguments: [(1, 1), (2, 1), (3, 2), (9, 5)])
    func up(replicas: Int, workers: Int) {
        var scaler = scaler()
        let decision = scaler.decide(situation(0, waiting: [demand(replicas, cpus: 2)]), at: start)

        #expect(decision.count == workers)
        #expect(decision.reason == "replicas wait for room: m")
        #expect(decision.prospects == ["m": .coming])
    }

    @Test("replicas of several deployments share a worker that is to come")
    func packing() {
        var scaler = scaler()
        let waiting = [demand(2, cpus: 1, "small"), demand(2, cpus: 3, "large")]

        #expect(scaler.decide(situation(0, waiting: waiting), at: start).count == 2)
    }

    @Test("what waits for a worker that hasn't joined starts no other, and keeps it however long it takes")
    func coming() {
        var scaler = scaler()
        let waiting = situation(2, busy: [0], waiting: [demand(2, cpus: 2)])

        for minutes in 0..<60 {
            let decision = scaler.decide(waiting, at: start + .seconds(60 * minutes))
            #expect(decision.count == 2 && decision.prospects == ["m": .coming])
        }
    }

    @Test("what no worker could take starts none, and the reason is told")
    func never() {
        var scaler = scaler()
        let waiting = [demand(1, cpus: 5), demand(1, cpus: 1, "us", labels: ["zone": "us"])]
        let decision = scaler.decide(situation(1, busy: [0], waiting: waiting), at: start)

        #expect(decision.count == 1 && decision.reason == nil)
        #expect(
            decision.prospects["m"]?.description
                == "no worker is started, since it would have 4 cpus and 5 cpus would be needed")
        #expect(
            decision.prospects["us"]?.description
                == "no worker is started, since it wouldn't have the label zone=us")
    }

    @Test("a worker that joined counts over what was said that one has")
    func learnt() {
        var scaler = scaler()
        let small = NodeScaler.Worker(.init(Resources(cpus: Amount(2))), isBusy: true)
        let decision = scaler.decide(
            .init(count: 1, workers: [0: small], waiting: [demand(1, cpus: 4)]), at: start)

        #expect(decision.count == 1)
        #expect(decision.prospects["m"] == .never("it would have 2 cpus and 4 cpus would be needed"))
    }

    @Test("there are never more than the most, and what waits is told so")
    func most() {
        var scaler = scaler(1...3)
        let decision = scaler.decide(situation(1, busy: [0], waiting: [demand(9, cpus: 4)]), at: start)

        #expect(decision.count == 3)
        #expect(decision.prospects == ["m": .tooFew(most: 3)])
        #expect(scaler.decide(situation(7), at: start).count == 3)
    }

    @Test("there are never fewer than the fewest, idle or not")
    func fewest() {
        var scaler = scaler(2...3)
        #expect(scaler.decide(situation(0), at: start).count == 2)
        #expect(scaler.decide(situation(2, idle: [0, 1]), at: start + .seconds(1000)).count == 2)
    }

    @Test("only the last worker goes, once it had nothing to do for the whole idle time")
    func down() {
        var scaler = scaler()
        let fleet = situation(3, busy: [1], idle: [0, 2])
        #expect(scaler.decide(fleet, at: start).count == 3)
        #expect(scaler.decide(situation(3, busy: [1, 2], idle: [0]), at: start + .seconds(30)).count == 3)
        #expect(scaler.decide(fleet, at: start + .seconds(60)).count == 3)
        #expect(scaler.decide(fleet, at: start + .seconds(119)).count == 3)
        let decision = scaler.decide(fleet, at: start + .seconds(120))
        #expect(decision.count == 2)
        #expect(decision.reason == "the last one has had nothing to do for 60 s")
        // The next one is busy, whatever those before it are.
        #expect(scaler.decide(situation(2, busy: [1], idle: [0]), at: start + .seconds(900)).count == 2)
    }

    @Test("a worker that hasn't joined and that nobody waits for any more goes like any other")
    func forgotten() {
        var scaler = scaler()
        #expect(scaler.decide(situation(1, waiting: [demand(1, cpus: 1)]), at: start).count == 1)
        #expect(scaler.decide(situation(1), at: start + .seconds(100)).count == 1)
        #expect(scaler.decide(situation(1), at: start + .seconds(160)).count == 0)
    }
}
