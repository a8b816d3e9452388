import MantaAutoscaler
import MantaBatching
import MantaTime

/// Measures the load of one version, from one time to the next.
struct LoadMeter: Sendable {
    /// What was counted when the load was measured last.
    private var last = BatcherCounts()
    private var lastInstance: DeploymentController.InstanceID?

    /// The load now, with what came since the last time; `nil` until the model is loaded.
    mutating func sample(of serving: Deployment.State.Serving) -> LoadSample? {
        guard let load = serving.served.load else { return nil }
        if lastInstance != serving.id { (last, lastInstance) = (BatcherCounts(), serving.id) }
        defer { last = load.counts }
        let requests = load.counts.requests - last.requests
        let rowsPerRequest = load.counts.requests > 0 ? Double(load.counts.rows) / Double(load.counts.requests) : 1
        return LoadSample(
            ongoing: load.queued + load.running, queued: load.queued, queueWait: load.longestWait,
            arrivals: requests, refused: load.counts.refused - last.refused, replicas: serving.ready,
            requestsPerBatch: max(1, Double(load.batchRows) / max(1, rowsPerRequest)), runTime: load.runTime)
    }
}
