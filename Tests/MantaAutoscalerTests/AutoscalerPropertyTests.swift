import MantaAutoscaler
import MantaTestKit
import MantaTime
import Testing

@Suite("Autoscaler, whatever happens")
struct AutoscalerPropertyTests {
    let start = Instant.now

    private func randomConfiguration(_ random: inout SeededGenerator) -> AutoscalingConfiguration {
        var configuration = AutoscalingConfiguration()
        configuration.minReplicas = Int.random(in: 0...3, using: &random)
        configuration.maxReplicas = max(configuration.minReplicas, 1) + Int.random(in: 0...8, using: &random)
        if Bool.random(using: &random) { configuration.targetOngoingRequests = .random(in: 0.1...20, using: &random) }
        configuration.upscaleDelay = .milliseconds(Int.random(in: 0...5000, using: &random))
        configuration.downscaleDelay = .milliseconds(Int.random(in: 0...5000, using: &random))
        configuration.upscalingFactor = .random(in: 0.1...3, using: &random)
        configuration.downscalingFactor = .random(in: 0.1...3, using: &random)
        configuration.lookBackPeriod = .milliseconds(Int.random(in: 1...5000, using: &random))
        return configuration
    }

    /// Any numbers, also such that can't be.
    private func randomSample(_ random: inout SeededGenerator, plausible: Bool) -> LoadSample {
        let counts = plausible ? [0, 1, 3, 40, 1_000_000, .max] : [-1, .min, -40]
        func count() -> Int { counts.randomElement(using: &random) ?? 0 }
        var sample = LoadSample(
            ongoing: count(), queued: count(), arrivals: count(), refused: count(), replicas: count())
        sample.queueWait = .milliseconds(Int.random(in: 0...100_000, using: &random))
        sample.requestsPerBatch = [1e-300, 0.5, 1, 64, 1e300].randomElement(using: &random) ?? 1
        sample.runTime = [nil, .zero, .nanoseconds(1), .seconds(3)].randomElement(using: &random) ?? nil
        guard !plausible else { return sample }
        // One thing that can't be is enough.
        let possible = LoadSample(ongoing: 90, queued: 80, arrivals: 9, refused: 9, replicas: 1)
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            sample = possible; sample.requestsPerBatch = [.nan, .infinity, -1, 0].randomElement(using: &random) ?? .nan
        case 1: sample = possible; sample.queueWait = .seconds(-1)
        case 2: sample = possible; sample.runTime = .seconds(Int64.max)
        case 3: sample = possible; sample.ongoing = -1
        default: break
        }
        return sample
    }

    @Test("the count stays within the bounds, and each decision is a change", arguments: 0..<200)
    func withinBounds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let configuration = randomConfiguration(&random)
        var autoscaler = Autoscaler(configuration, cpus: 2)
        var (replicas, now) = (configuration.firstReplicas(cpus: 2), start)
        for _ in 0..<300 {
            // Time may stand still, jump, and be told in the wrong order.
            now += .milliseconds(Int.random(in: -50...1000, using: &random))
            let plausible = Int.random(in: 0..<4, using: &random) > 0
            autoscaler.observe(randomSample(&random, plausible: plausible), at: now)
            let decision =
                Int.random(in: 0..<20, using: &random) == 0
                ? autoscaler.wake(at: now, wanted: replicas) : autoscaler.decide(at: now, wanted: replicas)
            guard let decision else { continue }
            #expect(decision.from == replicas && decision.to != replicas, "seed \(seed)")
            #expect(autoscaler.allowed.contains(decision.to), "seed \(seed): \(decision)")
            replicas = decision.to
        }
        #expect(autoscaler.log.decisions.count <= DecisionLog.capacity, "seed \(seed)")
    }

    @Test("numbers that can't be change nothing", arguments: 0..<50)
    func implausibleSamples(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var autoscaler = Autoscaler(AutoscalingConfiguration(), cpus: 8)
        for tick in 0..<600 {
            let now = start + .milliseconds(100 * tick)
            autoscaler.observe(randomSample(&random, plausible: false), at: now)
            let decision = autoscaler.decide(at: now, wanted: 4)
            #expect(decision == nil, "seed \(seed)")
        }
    }

    @Test("twice as many measurements give the same decisions at the same times, but for one tick", arguments: 0..<20)
    func delaysAreElapsedTime(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var configuration = randomConfiguration(&random)
        (configuration.minReplicas, configuration.maxReplicas) = (1, 10)
        configuration.targetOngoingRequests = 2
        (configuration.upscalingFactor, configuration.downscalingFactor) = (1, 1)
        configuration.lookBackPeriod = .milliseconds(1)
        // Levels that last longer or shorter than the delays; none changes at a tick.
        var levels: [(until: Double, ongoing: Int)] = []
        while (levels.last?.until ?? 0) < 120 {
            let until = (levels.last?.until ?? 0) + Double(Int.random(in: 5...200, using: &random)) * 0.1 + 0.05
            levels.append((until, 2 * Int.random(in: 1...10, using: &random)))
        }
        func decisions(every interval: Double) -> [(at: Double, to: Int)] {
            var autoscaler = Autoscaler(configuration, cpus: 1)
            var (replicas, decisions) = (1, [(at: Double, to: Int)]())
            for tick in 0..<Int(100 / interval) {
                let time = Double(tick) * interval
                let ongoing = levels.first { time < $0.until }?.ongoing ?? 0
                autoscaler.observe(
                    LoadSample(ongoing: ongoing, queued: 0, replicas: replicas), at: start + .seconds(time))
                guard let decision = autoscaler.decide(at: start + .seconds(time), wanted: replicas) else { continue }
                replicas = decision.to
                decisions.append((time, replicas))
            }
            return decisions
        }

        let (slow, fast) = (decisions(every: 0.04), decisions(every: 0.02))

        #expect(slow.map(\.to) == fast.map(\.to), "seed \(seed)")
        for (one, other) in zip(slow, fast) { #expect(abs(one.at - other.at) <= 0.0801, "seed \(seed)") }
    }

    @Test("more load never gives fewer replicas", arguments: [nil, 0.5, 2, 10])
    func monotone(target: Double?) {
        var configuration = AutoscalingConfiguration()
        (configuration.maxReplicas, configuration.targetOngoingRequests) = (12, target)
        var previous = 0
        for load in stride(from: 0, to: 60, by: 2) {
            var (autoscaler, replicas) = (Autoscaler(configuration, cpus: 1), 4)
            for tick in 0..<400 {
                let now = start + .milliseconds(100 * tick)
                autoscaler.observe(
                    LoadSample(
                        ongoing: load, queued: max(0, load - replicas), arrivals: load, replicas: replicas,
                        runTime: .milliseconds(100)), at: now)
                if let decision = autoscaler.decide(at: now, wanted: replicas) { replicas = decision.to }
            }
            #expect(replicas >= previous, "load \(load)")
            previous = replicas
        }
    }

    @Test("while arrivals stay within a band, changes of direction are few, whatever the queue does", arguments: 0..<16)
    func directionChangesAreBounded(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var configuration = randomConfiguration(&random)
        configuration.minReplicas = 1
        configuration.downscaleDelay = .milliseconds(Int.random(in: 500...2000, using: &random))
        configuration.lookBackPeriod = .milliseconds(Int.random(in: 400...4000, using: &random))
        var autoscaler = Autoscaler(configuration, cpus: 1)
        var (replicas, directions) = (1, [Int]())
        var wild = (ongoing: 0, until: 0)
        for tick in 0..<9000 {
            let now = start + .milliseconds(400 * tick)
            if tick >= wild.until {
                wild = (Int.random(in: 0...40, using: &random), tick + Int.random(in: 1...40, using: &random))
            }
            autoscaler.observe(
                LoadSample(
                    ongoing: wild.ongoing, queued: wild.ongoing / 2,
                    queueWait: .milliseconds(Int.random(in: 0...wild.ongoing * 50, using: &random)),
                    arrivals: Int.random(in: 30...40, using: &random), replicas: replicas), at: now)
            guard let decision = autoscaler.decide(at: now, wanted: replicas) else { continue }
            directions.append((decision.to - decision.from).signum())
            replicas = decision.to
        }

        let changes = zip(directions, directions.dropFirst()).count { $0 != $1 }
        #expect(changes <= 2 * autoscaler.allowed.count, "seed \(seed): \(changes)")
    }
}
