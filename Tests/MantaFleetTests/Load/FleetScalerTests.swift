import MantaAutoscaler
import MantaTestKit
import MantaTime
import Testing

@testable import MantaFleet

@Suite("Replicas that follow the load of all fronts")
struct FleetScalerTests {
    /// A leader, what the store has, and what fronts say. Replicas are ready at once.
    private struct Leader {
        var scaler = FleetScaler()
        var state = FleetState()
        var wanted: DeploymentRecord
        var now = Instant.now
        var decisions: [Decision] = []
        private var said: [String: (record: LoadRecord, revision: Int64)] = [:]
        private var revision: Int64 = 0

        init(_ configuration: AutoscalingConfiguration) {
            wanted = .of("m", version: 1)
            wanted.scaling = ScalingRecord(configuration)
            state.nodes["w"] = NodeRecord(
                id: "w", kind: .worker, capacity: .init(cpus: 4000, memory: nil, gpus: 0, custom: [:]))
            decide()
        }

        var count: Int? { state.deployments["m"]?.replicas }

        /// Writes down what is decided, which is there at once.
        mutating func decide() {
            let record = scaler.counted([wanted], ended: [], over: state)[0]
            state.deployments["m"] = record
            state.nodes["w"]?.replicas = (0..<(record.replicas ?? 1)).map {
                .init(id: $0, group: record.versions[0].name, isReady: true)
            }
        }

        mutating func say(_ front: String, _ load: LoadRecord.Load?) {
            revision += 1
            said[front] = (LoadRecord(loads: load.map { ["m": $0] } ?? [:]), revision)
        }

        mutating func forget(_ front: String) { said[front] = nil }

        /// Time goes on; fronts say again what they have said, if they do.
        mutating func pass(_ duration: Duration, fronts: Bool = true) {
            let end = now + duration
            while now < end {
                now += .seconds(1)
                if fronts { for (front, record) in said { say(front, record.record.loads["m"]) } }
                let changes = scaler.look(at: said, at: now)
                decisions += changes.map(\.decision)
                if !changes.isEmpty { decide() }
                decide()
            }
        }

        /// Another one leads, who knows what is in the store.
        mutating func replace() {
            scaler = FleetScaler()
            decide()
        }
    }

    private func configuration(min: Int = 1, max: Int? = 8) -> AutoscalingConfiguration {
        var configuration = AutoscalingConfiguration()
        (configuration.minReplicas, configuration.maxReplicas) = (min, max)
        configuration.targetOngoingRequests = 4
        configuration.downscaleDelay = .seconds(20)
        return configuration
    }

    private func load(_ ongoing: Double) -> LoadRecord.Load {
        .init(ongoing: ongoing, arrivals: ongoing, runTime: .milliseconds(1))
    }

    @Test("what the fronts have to do is added up, and the reason is in the record")
    func sum() throws {
        var leader = Leader(configuration())
        #expect(leader.count == 1)
        leader.say("a", load(6))
        leader.say("b", load(5))
        leader.pass(.seconds(10))
        #expect(leader.count == 3)
        let last = try #require(leader.state.deployments["m"]?.scaling?.last)
        #expect(last.to == 3 && last.reason.contains("ongoing requests"), "\(last)")
        #expect(last == ScalingRecord.Change(try #require(leader.decisions.last)))
    }

    @Test("another leader goes on from the count in the store, and makes fewer only after a whole delay")
    func takeover() {
        var leader = Leader(configuration())
        leader.say("a", load(15))
        leader.pass(.seconds(10))
        #expect(leader.count == 4)
        leader.forget("a")
        leader.replace()
        #expect(leader.count == 4)
        leader.pass(.seconds(19))
        #expect(leader.count == 4)
        leader.pass(.seconds(5))
        #expect(leader.count == 1)
    }

    @Test("a front that is gone, or says nothing any more, soon doesn't count")
    func silence() {
        for isGone in [true, false] {
            var leader = Leader(configuration())
            leader.say("a", load(15))
            leader.pass(.seconds(10))
            if isGone { leader.forget("a") }
            leader.pass(FleetScaler.trustTime + .seconds(40), fronts: false)
            #expect(leader.count == 1, "\(isGone ? "gone" : "silent")")
        }
    }

    @Test("with no request for long enough there is no replica, and one at once when one waits")
    func rest() {
        var leader = Leader(configuration(min: 0))
        leader.pass(.seconds(25))
        #expect(leader.count == 0)
        leader.say("a", .init(ongoing: 1, queued: 1))
        leader.pass(.seconds(1))
        #expect(leader.count == 1)
        #expect(leader.decisions.last?.reason == "a request came and there was no replica")
    }

    @Test("a delay that is shorter than a lease is as long as a lease")
    func shortDelay() {
        var short = configuration(min: 0)
        (short.downscaleDelay, short.downscaleToZeroDelay) = (.zero, .zero)
        var leader = Leader(short)
        leader.say("a", load(15))
        leader.pass(.seconds(6))
        #expect(leader.count == 4)
        leader.forget("a")
        leader.pass(.seconds(9))
        #expect(leader.count == 4)
        leader.pass(.seconds(30))
        #expect(leader.count == 0)
    }

    @Test("while the load isn't known nothing is decided, and what was known before counts no more")
    func gap() {
        var leader = Leader(configuration())
        leader.say("a", load(15))
        leader.pass(.seconds(10))
        leader.forget("a")
        // The store is away for a minute; after it the front needs a moment to say what it has to do.
        leader.now += .seconds(60)
        leader.pass(.seconds(19))
        #expect(leader.count == 4)
    }

    @Test("what an operator pins stays, and what follows the load again goes on from there")
    func pinned() {
        var leader = Leader(configuration())
        let following = leader.wanted
        (leader.wanted.scaling, leader.wanted.replicas) = (nil, 5)
        leader.decide()
        leader.say("a", load(30))
        leader.pass(.seconds(60))
        #expect(leader.count == 5 && leader.decisions.isEmpty && !leader.scaler.isNeeded)
        leader.forget("a")
        leader.wanted = following
        leader.decide()
        #expect(leader.count == 5)
        leader.pass(.seconds(30))
        #expect(leader.count == 1)
    }

    @Test("without a bound there are at most as many as the workers have CPUs, and not fewer since one has gone")
    func cpus() {
        var leader = Leader(configuration(max: nil))
        leader.say("a", load(400))
        leader.pass(.seconds(10))
        #expect(leader.count == 4)
        leader.state.nodes["w"]?.capacity.cpus = 2000
        leader.pass(.seconds(10))
        #expect(leader.count == 4)
    }

    @Test("one that this leader's files don't want follows its load too, until it has ended")
    func others() {
        var leader = Leader(configuration())
        let other = leader.scaler.counted([], ended: [], over: leader.state)
        #expect(other.map(\.name) == ["m"] && leader.scaler.isNeeded)
        #expect(leader.scaler.counted([], ended: ["m"], over: leader.state).isEmpty && !leader.scaler.isNeeded)
    }

    @Test("whatever fronts say and whoever leads, the count is within its bounds", arguments: 0..<100)
    func anything(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bounds = configuration(min: .random(in: 0...2, using: &random), max: .random(in: 2...9, using: &random))
        var leader = Leader(bounds)
        let odd: [Double] = [0, 0.3, 7, 40, 1e9, 1e300, .infinity, .nan, -3]
        var replaced = leader.now
        for _ in 0..<60 {
            let front = ["a", "b", "c"].randomElement(using: &random) ?? "a"
            switch Int.random(in: 0..<6, using: &random) {
            case 0: leader.forget(front)
            case 1:
                leader.replace()
                replaced = leader.now
            case 2: leader.now += .seconds(Int.random(in: 0...30, using: &random))
            default:
                var load = LoadRecord.Load(ongoing: odd.randomElement(using: &random) ?? 0)
                load.queued = Int.random(in: -1...50, using: &random)
                load.arrivals = odd.randomElement(using: &random) ?? 0
                load.refused = odd.randomElement(using: &random) ?? 0
                load.runTime = [nil, .zero, .milliseconds(20), .seconds(-1)].randomElement(using: &random) ?? nil
                leader.say(front, load)
            }
            let (before, count) = (leader.decisions.count, leader.count ?? 0)
            leader.pass(.seconds(Int.random(in: 1...10, using: &random)), fronts: Bool.random(using: &random))
            #expect((bounds.minReplicas...(bounds.maxReplicas ?? 0)).contains(leader.count ?? -1), "seed \(seed)")
            if leader.now - replaced < bounds.downscaleDelay {
                #expect((leader.count ?? 0) >= count, "seed \(seed)")
            }
            for decision in leader.decisions[before...] { #expect(decision.from != decision.to, "seed \(seed)") }
        }
        for front in ["a", "b", "c"] { leader.forget(front) }
        leader.pass(.seconds(120))
        #expect(leader.count == bounds.minReplicas, "seed \(seed)")
    }
}
