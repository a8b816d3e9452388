import Foundation
import MantaTime
@testable import MantaServing
import MantaTestKit
import Testing

/// A world in which everything that a controller asks for happens late, in any order, or goes wrong.
private struct World {
    var controller = DeploymentController()
    var random: SeededGenerator
    var now = Instant.now
    /// What will happen some time.
    var pending: [DeploymentController.Event] = []
    /// Where requests go, as last told.
    var routes = DeploymentController.Routes()
    var retired: Set<Int> = []
    var started: [Int: Set<Int>] = [:]
    var counts = 1
    var isFaulty = true
    var faults: [String] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func deliver(_ event: DeploymentController.Event) {
        let servedBefore = !routes.versions.isEmpty
        for action in controller.handle(event, at: now) { perform(action, after: event) }
        check(event, servedBefore: servedBefore)
    }

    private mutating func perform(_ action: DeploymentController.Action, after event: DeploymentController.Event) {
        switch action {
        case .load(let id, _):
            pending.append(chance(25) ? .failed(id, reason: "file") : .loaded(id))
        case .startReplica(let id, let replica):
            expect(!retired.contains(id), "a replica of retired instance \(id) is started after \(event)")
            expect(started[id, default: []].insert(replica).inserted, "replica \(replica) of \(id) is started twice")
            pending.append(.replicaReady(id, replica))
            if chance(10) { pending.append(.replicaEnded(id, replica)) }
        case .drainReplica(let id, let replica):
            pending.append(.replicaEnded(id, replica))
        case .beginTrial(let id, let old):
            expect(routes.versions.values.contains(old), "\(id) is tried against \(old), which doesn't serve")
            pending.append(.trialEnded(id, fault: chance(25) ? "wrong" : nil))
        case .route(let next):
            for (version, id) in next.versions.sorted(by: { $0.key < $1.key }) where routes.versions[version] != id {
                let instance = controller.instances[id]
                let isBack = retired.isEmpty ? false : routes.standbys.values.contains(id)
                let wanted = max(1, controller.count(of: version))
                expect(
                    isBack || (instance?.readyCount ?? 0) >= wanted || id == previous(version),
                    "version \(version) moves to \(id) with \(instance?.readyCount ?? 0) of \(wanted) replicas")
                expect(!retired.contains(id), "version \(version) moves to retired \(id)")
            }
            routes = next
            for id in next.standbys.keys.sorted() {
                pending.append(chance(30) ? .regressed(id, reason: "live") : .proved(id))
            }
        case .retire(let id):
            expect(!routes.versions.values.contains(id), "\(id) is retired while it gets requests, after \(event)")
            expect(!routes.standbys.values.contains(id), "\(id) is retired while it stands by, after \(event)")
            retired.insert(id)
            pending.append(.gone(id))
        case .wakeUp, .note: break
        }
    }

    private func previous(_ version: Int) -> Int? { routes.standbys[routes.versions[version] ?? -1] }

    private mutating func check(_ event: DeploymentController.Event, servedBefore: Bool) {
        let isPromised = controller.wanted.allSatisfy { controller.count(of: $0.version.number) > 0 }
        if servedBefore, isPromised, !controller.wanted.isEmpty {
            expect(!routes.versions.isEmpty, "nothing serves after \(event)")
        }
        expect(routes == controller.routes, "the routes told differ from those in force after \(event)")
        for (version, id) in routes.versions {
            guard let instance = controller.instances[id] else {
                expect(false, "version \(version) goes to forgotten \(id) after \(event)")
                continue
            }
            expect(instance.phase == .serving, "version \(version) goes to \(id), which is \(instance.phase)")
            let present = instance.replicas.values.filter { $0 != .draining }.count
            let isStandby = routes.standbys.values.contains(id)
            let promised = max(1, controller.count(of: version))
            expect(isStandby || present == promised, "\(id) has \(present) replicas for \(promised) after \(event)")
        }
        if let version = routes.defaultVersion {
            expect(
                routes.versions[version] != nil || routes.asleep.contains(version),
                "version \(version) is the default and isn't served")
        }
    }

    private mutating func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition { faults.append(message()) }
    }

    mutating func chance(_ percent: Int) -> Bool { isFaulty && Int.random(in: 0..<100, using: &random) < percent }

    /// Something happens: mostly what is due some time, sometimes a change of mind, sometimes the same thing again.
    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60 where !pending.isEmpty:
            let index = Int.random(in: pending.indices, using: &random)
            let event = pending.remove(at: index)
            deliver(event)
            // Late and doubled events must do no harm.
            if chance(10) { pending.append(event) }
        case 60..<69:
            let numbers = Set(
                (0..<Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 1...3, using: &random) })
            let specs = numbers.sorted().map { spec($0, content: chance(50) ? "a" : "b") }
            let fallbacks = [3, 2, 1].filter { !numbers.contains($0) && chance(60) }.map { spec($0, content: "old") }
            deliver(.wanted(specs, fallbacks: fallbacks, retry: chance(30)))
        case 69..<72:
            counts = Int.random(in: 1...3, using: &random)
            deliver(.scale(default: counts, versions: routes.versions.mapValues { _ in counts }))
        case 72..<75:
            let version = Int.random(in: 1...3, using: &random)
            deliver(.count(Int.random(in: chance(20) ? 0...0 : 1...3, using: &random), version: version))
        case 75..<80:
            counts = Int.random(in: chance(30) ? 0...3 : 1...3, using: &random)
            deliver(.scale(default: counts))
        default:
            now += .milliseconds(Int.random(in: 0...3000, using: &random))
            deliver(.timer)
        }
    }

    /// From now on nothing goes wrong, and everything that is due happens.
    mutating func calm() {
        isFaulty = false
        pending.removeAll { event in
            switch event {
            case .failed, .regressed: true
            case .trialEnded(_, let fault): fault != nil
            default: false
            }
        }
        counts = 2
        deliver(.scale(default: 2))
        deliver(.wanted([spec(1, content: "z"), spec(2, content: "z")], retry: true))
        var steps = 0
        while steps < 200 {
            steps += 1
            if let event = pending.popLast() { deliver(event) } else { now += .seconds(10); deliver(.timer) }
            if pending.isEmpty, steps > 30 { break }
        }
    }
}

@Suite("The controller of a deployment, whatever happens")
struct DeploymentControllerExplorationTests {
    /// `MANTA_SEEDS=20000` looks at more than every run can afford.
    private static let seeds = ProcessInfo.processInfo.environment["MANTA_SEEDS"].flatMap(UInt64.init) ?? 400

    @Test("never routes to what isn't ready, never takes away what serves, and always gets to what is wanted")
    func exploration() async {
        for seed in 0..<Self.seeds {
            await Task.yield()
            var world = World(seed: seed)
            for _ in 0..<60 where world.faults.isEmpty { world.step() }
            if world.faults.isEmpty { world.calm() }

            #expect(world.faults == [], "seed \(seed)")
            let controller = world.controller
            let served = controller.routes.versions.mapValues { controller.instances[$0]?.spec }
            #expect(served == [1: spec(1, content: "z"), 2: spec(2, content: "z")], "seed \(seed)")
            #expect(
                controller.instances.values.allSatisfy { $0.phase == .serving && $0.readyCount == 2 }, "seed \(seed)")
            if !world.faults.isEmpty || served.count != 2 { return }
        }
    }
}
