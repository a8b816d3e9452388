import MantaAutoscaler
import MantaTime

/// Scales one version: measures its load and asks the autoscaler.
struct VersionScaler: Sendable {
    private var autoscaler: Autoscaler
    private var meter = LoadMeter()

    init(_ configuration: AutoscalingConfiguration, cpus: Int) {
        autoscaler = Autoscaler(configuration, cpus: cpus)
    }

    /// The last decisions, oldest first.
    var decisions: [Decision] { autoscaler.log.decisions }

    /// A request waits and there is no replica.
    mutating func wake(at now: Instant, wanted: Int) -> Decision? {
        autoscaler.wake(at: now, wanted: wanted)
    }

    /// Measures and decides.
    ///
    /// - Parameters:
    ///   - instance: What serves the version now; `nil` if it is asleep.
    ///   - held: Requests that wait for a replica to be started.
    ///   - wanted: How many replicas are wanted.
    ///   - now: The present.
    /// - Returns: A change, or `nil` if the count is right.
    mutating func tick(
        _ instance: Deployment.State.Serving?, held: Int, wanted: Int, at now: Instant
    ) -> Decision? {
        if let instance, var sample = meter.sample(of: instance) {
            sample.ongoing += held
            sample.queued += held
            autoscaler.observe(sample, at: now)
        }
        return autoscaler.decide(at: now, wanted: wanted)
    }
}
