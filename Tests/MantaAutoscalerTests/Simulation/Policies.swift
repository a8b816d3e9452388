import MantaAutoscaler
import MantaTime

/// Anything that looks at a cluster now and then and says how many replicas it should have.
protocol ScalingPolicy {
    /// Seconds between two looks.
    var interval: Double { get }
    mutating func count(for cluster: Cluster, arrivals: Int) -> Int
}

/// The policy under test, fed as the server feeds it.
struct MantaPolicy: ScalingPolicy {
    private(set) var autoscaler: Autoscaler
    private let start = Instant.now

    init(_ configuration: AutoscalingConfiguration) {
        autoscaler = Autoscaler(configuration, cpus: 1)
    }

    var interval: Double { autoscaler.configuration.metricsInterval / .seconds(1) }

    mutating func count(for cluster: Cluster, arrivals: Int) -> Int {
        let now = start + .seconds(cluster.now)
        let model = cluster.model
        autoscaler.observe(
            LoadSample(
                ongoing: cluster.ongoing, queued: cluster.queued, queueWait: .seconds(cluster.oldestWait),
                arrivals: arrivals, replicas: cluster.ready, requestsPerBatch: Double(model.maxBatch),
                runTime: .seconds(model.runTime(rows: model.maxBatch))),
            at: now)
        return autoscaler.decide(at: now, wanted: cluster.wanted)?.to ?? cluster.wanted
    }
}

/// Ray Serve's default policy in our words, to compare with: ongoing requests are recorded every 0.5 s, their average
/// over 30 s is reported every 10 s, the count follows after 30 s upwards and 600 s downwards, and to zero from one.
struct RayPolicy: ScalingPolicy {
    var target = 2.0
    var upscaleDelay = 30.0
    var downscaleDelay = 600.0
    var lookBack = 30.0
    var metricsInterval = 10.0
    var allowed: ClosedRange<Int>
    let interval = 0.1
    private var measured: [(at: Double, ongoing: Double)] = []
    private var reported: (at: Double, mean: Double)?
    private var direction = 0
    private var since = 0.0

    init(target: Double = 2, allowed: ClosedRange<Int>) {
        self.target = target
        self.allowed = allowed
    }

    mutating func count(for cluster: Cluster, arrivals: Int) -> Int {
        let (now, wanted) = (cluster.now, cluster.wanted)
        if now >= (measured.last?.at ?? -.infinity) + 0.5 - 1e-6 {
            measured.append((now, Double(cluster.ongoing)))
            if measured[0].at < now - lookBack { measured.removeFirst() }
        }
        if now >= (reported?.at ?? -.infinity) + metricsInterval - 1e-6 {
            reported = (now, measured.reduce(0) { $0 + $1.ongoing } / Double(measured.count))
        }
        if wanted == 0 { return cluster.ongoing > 0 ? 1 : 0 }
        let mean = reported?.mean ?? 0
        var desired = min(max(Int((mean / target).rounded(.up)), allowed.lowerBound), allowed.upperBound)
        if wanted > 1 { desired = max(desired, 1) }
        let step = (desired - wanted).signum()
        if step != direction { (direction, since) = (step, now) }
        guard step != 0, now - since >= (step > 0 ? upscaleDelay : downscaleDelay) - 1e-6 else { return wanted }
        direction = 0
        return desired
    }
}
