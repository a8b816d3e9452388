import MantaAutoscaler
import MantaTime
import Testing

@Suite("Autoscaler")
struct AutoscalerTests {
    let start = Instant.now

    private func configuration(_ change: (inout AutoscalingConfiguration) -> Void = { _ in })
        -> AutoscalingConfiguration
    {
        var configuration = AutoscalingConfiguration()
        configuration.maxReplicas = 16
        change(&configuration)
        return configuration
    }

    /// Feeds an autoscaler with what `sample` says of each time and number of replicas, and returns its decisions.
    /// Replicas are ready at once.
    private func decisions(
        _ autoscaler: inout Autoscaler, from begin: Double = 0, to end: Double, replicas: Int = 1, every: Double = 0.1,
        _ sample: (_ time: Double, _ replicas: Int) -> LoadSample
    ) -> [Decision] {
        var (replicas, decisions) = (replicas, [Decision]())
        for tick in 0...Int(((end - begin) / every).rounded()) {
            let time = begin + Double(tick) * every
            let now = start + .seconds(time)
            autoscaler.observe(sample(time, replicas), at: now)
            guard let decision = autoscaler.decide(at: now, wanted: replicas) else { continue }
            #expect(decision.from == replicas && decision.to != replicas)
            replicas = decision.to
            decisions.append(decision)
        }
        return decisions
    }

    private func seconds(_ decision: Decision) -> Double { (decision.at - start) / .seconds(1) }

    @Test(
        "a target that is set means what it means in Ray: the average of ongoing requests for each replica",
        arguments: [
            // ongoing, target, factors, replicas now, wanted
            (16, 2.0, 1.0, 1, 8), (16, 2.0, 1.0, 8, 8), (17, 2.0, 1.0, 8, 9), (16, 2.0, 0.5, 2, 5), (3, 2.0, 2.0, 1, 2),
            (1000, 2.0, 1.0, 1, 16), (8, 2.0, 1.0, 8, 4), (8, 2.0, 0.5, 8, 6), (14, 2.0, 0.1, 8, 7),
            (1, 0.25, 1.0, 1, 4),
        ])
    func raysRule(ongoing: Int, target: Double, factor: Double, replicas: Int, wanted: Int) {
        var autoscaler = Autoscaler(
            configuration {
                $0.targetOngoingRequests = target
                $0.upscalingFactor = factor
                $0.downscalingFactor = factor
                $0.upscaleDelay = .seconds(1)
                $0.downscaleDelay = .seconds(1)
                $0.lookBackPeriod = .seconds(1)
            }, cpus: 1)

        let first = decisions(&autoscaler, to: 1.2, replicas: replicas) { _, replicas in
            LoadSample(ongoing: ongoing, queued: 0, replicas: replicas)
        }.first

        #expect(first?.to ?? replicas == wanted)
    }

    @Test("64 clients whose requests fit into one batch are no reason for a second replica")
    func oneBatchIsEnough() {
        var autoscaler = Autoscaler(configuration(), cpus: 1)

        let decisions = decisions(&autoscaler, to: 120) { _, replicas in
            LoadSample(
                ongoing: 64, queued: 20, queueWait: .microseconds(300), arrivals: 5_000, replicas: replicas,
                requestsPerBatch: 64, runTime: .microseconds(200))
        }

        #expect(decisions.isEmpty)
    }

    @Test("without batches the target is Ray's two")
    func defaultTargetWithoutBatches() throws {
        var autoscaler = Autoscaler(configuration(), cpus: 1)

        let decisions = decisions(&autoscaler, to: 10) { LoadSample(ongoing: 16, queued: 16 - $1, replicas: $1) }
        let first = try #require(decisions.first)

        #expect(first.to == 8)
        #expect(first.reason == "16.0 ongoing requests for 1 replica, the target is 2.0 for each")
        #expect(first.inputs.targetOngoingRequests == 2 && first.inputs.ongoing == 16)
        #expect(autoscaler.log.decisions == [first])
    }

    @Test("one odd sample decides nothing")
    func averagesOverTime() {
        var autoscaler = Autoscaler(configuration { $0.targetOngoingRequests = 2 }, cpus: 1)

        let decisions = decisions(&autoscaler, to: 20) { time, replicas in
            LoadSample(ongoing: abs(time - 10) < 0.01 ? 40 : 1, queued: 0, replicas: replicas)
        }

        #expect(decisions.isEmpty)
    }

    @Test("more must be wanted for the whole upscale delay, fewer for the whole downscale delay")
    func delays() throws {
        var autoscaler = Autoscaler(
            configuration {
                $0.targetOngoingRequests = 2
                $0.upscaleDelay = .seconds(10)
                $0.downscaleDelay = .seconds(20)
                $0.lookBackPeriod = .milliseconds(100)
            }, cpus: 1)

        // Too short to count; then long enough; then a pause too short to count; then one that isn't.
        let decisions = decisions(&autoscaler, to: 200) { time, replicas in
            let isLoaded = 20..<29 ~= time || 50..<100 ~= time || 115..<120 ~= time
            return LoadSample(ongoing: isLoaded ? 8 : 2, queued: 0, replicas: replicas)
        }

        #expect(decisions.map(\.to) == [4, 1])
        #expect(abs(seconds(decisions[0]) - 60) <= 0.2)
        #expect(abs(seconds(decisions[1]) - 140) <= 0.2)
    }

    @Test("when requests queue ever longer, there are more replicas at once, whatever delay and look-back are")
    func growingWait() throws {
        var autoscaler = Autoscaler(
            configuration {
                $0.upscaleDelay = .seconds(60)
                $0.lookBackPeriod = .seconds(30)
                $0.targetQueueWait = .milliseconds(100)
            }, cpus: 1)

        // From 10 s on, 50 requests a second come to a replica that answers 10.
        let decisions = decisions(&autoscaler, to: 20) { time, replicas in
            let queued = Int(max(0, time - 10) * 40)
            return LoadSample(
                ongoing: queued + 1, queued: queued, queueWait: .seconds(max(0, time - 10) * 0.8),
                arrivals: time > 10 ? 5 : 0, replicas: replicas, runTime: .milliseconds(100))
        }
        let first = try #require(decisions.first)

        #expect(seconds(first) <= 10.3)
        #expect(first.to >= 2)
        #expect(first.reason.hasPrefix("requests queue for "))
    }

    @Test("a queue that waits longer than it may but doesn't grow is left to the target")
    func steadyWait() {
        var autoscaler = Autoscaler(
            configuration {
                $0.targetOngoingRequests = 100
                $0.targetQueueWait = .milliseconds(100)
            }, cpus: 1)

        let decisions = decisions(&autoscaler, to: 60) { _, replicas in
            LoadSample(ongoing: 90, queued: 80, queueWait: .milliseconds(500), replicas: replicas)
        }

        #expect(decisions.isEmpty)
    }

    @Test("refused requests bring a replica at once, and none for those that are still starting")
    func refusals() {
        var autoscaler = Autoscaler(configuration(), cpus: 1)
        let sample = LoadSample(ongoing: 1, queued: 0, arrivals: 9, refused: 4, replicas: 1)

        autoscaler.observe(sample, at: start)
        let first = autoscaler.decide(at: start, wanted: 1)
        autoscaler.observe(sample, at: start + .milliseconds(100))

        #expect(first?.to == 2)
        #expect(first?.reason == "4 requests were refused since the queue was full")
        let second = autoscaler.decide(at: start + .milliseconds(100), wanted: 2)
        #expect(second == nil)
    }

    @Test("there become no fewer replicas than the arrivals need, though few requests are ongoing")
    func keepsWhatArrivalsNeed() throws {
        var autoscaler = Autoscaler(configuration(), cpus: 1)

        // 2.5 replicas' worth of arrivals that hardly queue: two ongoing for each would be met by two replicas.
        let decisions = decisions(&autoscaler, to: 300, replicas: 8) { _, replicas in
            LoadSample(ongoing: 3, queued: 0, arrivals: 5, replicas: replicas, runTime: .milliseconds(50))
        }

        #expect(decisions.map(\.to) == [3])
        #expect(decisions[0].reason.hasSuffix("fewer than 3 would not keep up with the arrivals"))
    }

    @Test("a count that was not enough is not tried again at the same load")
    func remembersFailure() {
        var autoscaler = Autoscaler(configuration { $0.targetOngoingRequests = 2 }, cpus: 1)

        // Nothing is known of a run's cost. Two replicas queue up, three don't and look too many.
        let decisions = decisions(&autoscaler, to: 1800, replicas: 2) { _, replicas in
            LoadSample(ongoing: replicas < 3 ? 6 : 3, queued: 0, arrivals: 10, replicas: replicas)
        }

        #expect(decisions.map(\.to) == [3])
    }

    @Test("the last replica goes when nothing was asked for the delay, and a request brings it back")
    func sleepsAndWakes() {
        var autoscaler = Autoscaler(
            configuration {
                $0.minReplicas = 0
                $0.downscaleToZeroDelay = .seconds(5)
            }, cpus: 1)

        let asleep = decisions(&autoscaler, to: 60, replicas: 3) { time, replicas in
            LoadSample(ongoing: time < 10 ? 1 : 0, queued: 0, replicas: replicas)
        }
        let end = start + .seconds(60)
        let woken = autoscaler.wake(at: end, wanted: 0)

        // From one only, as in Ray: the others go after their own delay.
        #expect(asleep.map(\.to) == [1, 0])
        #expect(abs(seconds(asleep[0]) - 30) <= 0.2)
        #expect(woken?.to == 1)
        #expect(woken?.reason == "a request came and there was no replica")
        // It stays for the delay.
        let (again, later) = (autoscaler.wake(at: end, wanted: 1), autoscaler.decide(at: end, wanted: 1))
        #expect(again == nil && later == nil)
    }

    @Test("with none to be kept, the last replica stays as long as requests come")
    func staysAwake() {
        var autoscaler = Autoscaler(configuration { $0.minReplicas = 0 }, cpus: 1)

        let decisions = decisions(&autoscaler, to: 300) { time, replicas in
            let comes = time.truncatingRemainder(dividingBy: 20) < 0.05
            return LoadSample(ongoing: 0, queued: 0, arrivals: comes ? 1 : 0, replicas: replicas)
        }

        #expect(decisions.isEmpty)
    }

    @Test("a count outside the bounds is corrected at once", arguments: [(0, 2), (9, 4), (3, 3)])
    func bounds(wanted: Int, to: Int) {
        var autoscaler = Autoscaler(configuration { ($0.minReplicas, $0.maxReplicas) = (2, nil) }, cpus: 4)
        let decision = autoscaler.decide(at: start, wanted: wanted)
        #expect(decision?.to ?? wanted == to)
    }

    @Test("the last hundred decisions are kept")
    func logIsBounded() {
        var autoscaler = Autoscaler(configuration { $0.minReplicas = 2 }, cpus: 1)
        for second in 0..<150 { _ = autoscaler.decide(at: start + .seconds(second), wanted: 1) }

        #expect(autoscaler.log.decisions.count == 100)
        #expect(autoscaler.log.decisions.first?.at == start + .seconds(50))
    }

    @Test("a configuration that can't be names its keys, and the defaults can")
    func faults() {
        #expect(AutoscalingConfiguration().faults.isEmpty)
        let faults = configuration {
            ($0.minReplicas, $0.maxReplicas, $0.initialReplicas) = (5, 4, 7)
            $0.targetOngoingRequests = .nan
            $0.upscaleDelay = .seconds(-1)
            $0.lookBackPeriod = .zero
        }.faults

        #expect(
            faults.map(\.key) == [
                "max_replicas", "initial_replicas", "target_ongoing_requests", "look_back_period_s", "upscale_delay_s",
            ])
        #expect(faults[0].message == "expected at least 5, got 4")
    }

    @Test("the number of replicas to begin with is within the bounds")
    func firstReplicas() {
        #expect(configuration { $0.minReplicas = 0 }.firstReplicas(cpus: 2) == 1)
        #expect(configuration { ($0.minReplicas, $0.initialReplicas) = (0, 0) }.firstReplicas(cpus: 2) == 0)
        #expect(configuration { ($0.maxReplicas, $0.initialReplicas) = (nil, 8) }.firstReplicas(cpus: 2) == 2)
    }
}
