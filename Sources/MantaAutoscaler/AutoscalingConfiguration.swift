/// How the number of replicas of one deployment follows its load. The names and their meaning are Ray Serve's.
///
/// The defaults differ from Ray's where Ray's allow for replicas that take seconds to minutes to start: a replica of
/// Manta is one more lane over weights that are loaded already, and starts in milliseconds.
public struct AutoscalingConfiguration: Sendable, Hashable, Codable {
    /// The fewest replicas. With 0 an idle deployment gives up its last one, and the first request starts one again.
    public var minReplicas = 1
    /// The most replicas; `nil` for as many as the process may use CPUs.
    public var maxReplicas: Int?
    /// How many to begin with; `nil` for the fewest, but at least 1.
    public var initialReplicas: Int?
    /// The requests that each replica should have on average, running and queued together.
    ///
    /// `nil` for twice what a batch in force holds: one batch that runs and one that waits to be the next. For a model
    /// that isn't batched these are the 2 of Ray. For one that takes 64 requests in a batch they are 128, as 64 ongoing
    /// requests are then no more than one run.
    public var targetOngoingRequests: Double?
    /// How long a request may queue; when it is longer and grows, replicas are added at once, whatever ``upscaleDelay``
    /// and ``lookBackPeriod`` are. `nil` for 50 ms or two runs of a batch, whichever is longer. Ray has no such key.
    public var targetQueueWait: Duration?
    /// For how long more replicas must be wanted before there are more. None: one that wasn't needed costs little.
    public var upscaleDelay = Duration.zero
    /// For how long fewer replicas must be wanted before there are fewer. It outlasts short pauses, and coming back takes
    /// milliseconds.
    public var downscaleDelay = Duration.seconds(30)
    /// For how long nothing must have been asked before the last replica goes; `nil` for ``downscaleDelay``.
    public var downscaleToZeroDelay: Duration?
    /// The part of a wanted increase that is made at once: 0.5 goes half of the way. More than 1 goes beyond it.
    public var upscalingFactor = 1.0
    /// The part of a wanted decrease that is made at once.
    public var downscalingFactor = 1.0
    /// The time over which ongoing requests are averaged. Longer is calmer, shorter is quicker.
    public var lookBackPeriod = Duration.seconds(5)
    /// How often the load is measured and a decision made.
    public var metricsInterval = Duration.milliseconds(100)

    /// The defaults.
    public init() {}
}

extension AutoscalingConfiguration {
    /// A value that can't be, and the key that it stands under in a configuration file.
    public struct Fault: Sendable, Hashable {
        /// Such as `max_replicas`.
        public var key: String
        /// What was found and what was expected.
        public var message: String
    }

    /// Everything that can't be. An ``Autoscaler`` takes only a configuration without faults.
    public var faults: [Fault] {
        var faults: [Fault] = []
        func expect(_ isGood: Bool, _ key: String, _ message: @autoclosure () -> String) {
            if !isGood { faults.append(Fault(key: key, message: message())) }
        }
        expect(minReplicas >= 0, "min_replicas", "expected 0 or more, got \(minReplicas)")
        if let maxReplicas {
            expect(
                maxReplicas >= max(minReplicas, 1), "max_replicas",
                "expected at least \(max(minReplicas, 1)), got \(maxReplicas)")
        }
        if let initialReplicas {
            expect(
                initialReplicas >= minReplicas && initialReplicas <= maxReplicas ?? .max, "initial_replicas",
                "expected a number from min_replicas to max_replicas, got \(initialReplicas)")
        }
        let numbers = [
            ("target_ongoing_requests", targetOngoingRequests), ("upscaling_factor", upscalingFactor),
            ("downscaling_factor", downscalingFactor),
        ]
        for case (let key, let number?) in numbers {
            expect(number > 0 && number.isFinite, key, "expected more than 0, got \(number)")
        }
        let times = [
            ("target_queue_wait_ms", targetQueueWait), ("look_back_period_s", lookBackPeriod),
            ("metrics_interval_s", metricsInterval),
        ]
        for case (let key, let time?) in times {
            expect(time > .zero, key, "expected more than 0, got \(time)")
        }
        let delays = [
            ("upscale_delay_s", upscaleDelay), ("downscale_delay_s", downscaleDelay),
            ("downscale_to_zero_delay_s", downscaleToZeroDelay),
        ]
        for case (let key, let delay?) in delays {
            expect(delay >= .zero, key, "expected 0 or more, got \(delay)")
        }
        return faults
    }

    /// How many replicas there may be in a process that may use so many CPUs.
    public func allowedReplicas(cpus: Int) -> ClosedRange<Int> {
        minReplicas...(maxReplicas ?? max(cpus, minReplicas, 1))
    }

    /// How many replicas to begin with in a process that may use so many CPUs.
    public func firstReplicas(cpus: Int) -> Int {
        min(initialReplicas ?? max(minReplicas, 1), allowedReplicas(cpus: cpus).upperBound)
    }
}
