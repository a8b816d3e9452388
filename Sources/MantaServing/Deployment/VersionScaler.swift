import MantaAutoscaler
import MantaBatching
import MantaCore
import MantaTime

/// Scales one version: measures its load and asks the autoscaler.
struct VersionScaler: Sendable {
    private var autoscaler: Autoscaler
    /// What was counted when the load was measured last.
    private var last = BatcherCounts()
    private var lastInstance: DeploymentController.InstanceID?

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
        if let instance, var sample = sample(of: instance.served, id: instance.id, ready: instance.ready) {
            sample.ongoing += held
            sample.queued += held
            autoscaler.observe(sample, at: now)
        }
        return autoscaler.decide(at: now, wanted: wanted)
    }

    private mutating func sample(
        of served: ServedVersion, id: DeploymentController.InstanceID, ready: Int
    ) -> LoadSample? {
        guard let load = served.load else { return nil }
        if lastInstance != id { (last, lastInstance) = (BatcherCounts(), id) }
        defer { last = load.counts }
        let requests = load.counts.requests - last.requests
        let rowsPerRequest = load.counts.requests > 0 ? Double(load.counts.rows) / Double(load.counts.requests) : 1
        return LoadSample(
            ongoing: load.queued + load.running, queued: load.queued, queueWait: load.longestWait,
            arrivals: requests, refused: load.counts.refused - last.refused, replicas: ready,
            requestsPerBatch: max(1, Double(load.batchRows) / max(1, rowsPerRequest)), runTime: load.runTime)
    }
}

/// How much a version has to do.
struct VersionLoad: Sendable {
    /// Requests that wait.
    var queued: Int
    /// Requests that run.
    var running: Int
    /// How long the oldest of those that wait has waited.
    var longestWait: Duration
    /// What came in so far.
    var counts: BatcherCounts
    /// Rows of a batch of the size in force, at least 1.
    var batchRows: Int
    /// How long such a batch takes, if that is known.
    var runTime: Duration?
}

extension ServedVersion {
    /// How much it has to do; `nil` until its model is loaded.
    var load: VersionLoad? {
        guard let batcher = live?.batcher else { return nil }
        let sizer = batcher.sizer
        let isBatched = plan.map { $0.maxRows > 0 && $0.isShared } ?? false
        let rows = isBatched ? max(1, sizer.choice.rows) : 1
        return VersionLoad(
            queued: batcher.count,
            running: replicas.reduce(0) { $0 + $1.ongoing } + remoteReplicas.reduce(0) { $0 + $1.ongoing },
            longestWait: batcher.oldestArrival.map { time.now - $0 } ?? .zero, counts: batcher.counts, batchRows: rows,
            runTime: sizer.curve.expectedTime(rows: rows))
    }
}
