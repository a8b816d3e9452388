import MantaBatching
import MantaCore
import MantaServing
import MantaTelemetry
import MantaTime

/// How one instance of a version is, or that a version is asleep.
struct VersionDocument: Encodable {
    struct Replica: Encodable {
        let id: Int
        let node: String
        /// How many it stands for: those that a server has together are told of together.
        let count: Int
        let state: String
        let ageS: Double
        let ongoing: Int
        let batches: Int
        @Nullable var lastError: String?
    }

    /// What was learned of the cost of batches, and what follows.
    struct Batching: Encodable {
        struct Cost: Encodable {
            let rows: Double
            let milliseconds: Double
            let rowsPerSecond: Double
            let batches: Int
        }

        let maxRows: Int
        let rowsInForce: Int
        let reason: String
        let costs: [Cost]
    }

    /// What the response cache has done, and what it holds.
    struct Cache: Encodable {
        let hits: Int
        let misses: Int
        let evictions: Int
        let entries: Int
        let bytes: Int
        let maxBytes: Int
        let resting: Bool
    }

    struct LastMinute: Encodable {
        let requests: Int
        let failures: Int
        let perSecond: Double
        @Nullable var p50Ms: Double?
        @Nullable var p95Ms: Double?
        @Nullable var p99Ms: Double?
        @Nullable var meanBatchRows: Double?
    }

    let version: Int
    @Nullable var hash: String?
    @Nullable var path: String?
    let state: String
    @Nullable var reason: String?
    let `default`: Bool
    let ageS: Double
    let queued: Int
    let ongoing: Int
    let replicas: [Replica]
    @Nullable var batching: Batching?
    @Nullable var cache: Cache?
    @Nullable var tuning: TuningDocument?
    @Nullable var lastMinute: LastMinute?
}

extension VersionDocument {
    /// Those that serve, those on their way, those on their way out, and those that failed; ordered by version.
    static func all(of snapshot: DeploymentSnapshot, clock: WallClock) -> [VersionDocument] {
        let awake = snapshot.controller.instances.sorted { $0.key < $1.key }.compactMap { id, instance in
            snapshot.instances[id].map { VersionDocument($0, instance, id: id, in: snapshot, clock: clock) }
        }
        let asleep = snapshot.controller.routes.asleep.map { number in
            let spec = snapshot.controller.wanted.first { $0.version.number == number }
            return VersionDocument(
                version: number, hash: spec?.version.shownHash, path: spec?.version.shownPath, state: "asleep",
                reason: nil,
                default: snapshot.controller.routes.defaultVersion == number, ageS: 0, queued: 0, ongoing: 0,
                replicas: [], batching: nil, cache: nil, tuning: nil, lastMinute: nil)
        }
        return (awake + asleep).sorted { $0.version < $1.version }
    }

    private init(
        _ served: ServedVersion, _ instance: DeploymentController.Instance, id: Int, in snapshot: DeploymentSnapshot,
        clock: WallClock
    ) {
        let routes = snapshot.controller.routes
        let number = instance.spec.version.number
        let activities = served.replicas
        let queued = served.queueDepth
        self.init(
            version: number, hash: instance.spec.version.shownHash, path: instance.spec.version.shownPath,
            state: instance.phase.isFailed ? "failed" : served.state.word,
            reason: instance.failure ?? served.obstacle,
            default: routes.defaultVersion == number && routes.versions[number] == id,
            ageS: clock.age(of: served.startedAt), queued: queued,
            ongoing: queued + activities.reduce(0) { $0 + $1.ongoing }
                + served.remoteReplicas.reduce(0) { $0 + $1.ongoing },
            replicas: activities.map { activity in
                Replica(
                    id: activity.id, node: "local", count: 1,
                    state: (instance.replicas[activity.id] ?? .draining).rawValue,
                    ageS: clock.age(of: activity.startedAt), ongoing: activity.ongoing, batches: activity.batches,
                    lastError: activity.lastError)
            } + served.remoteReplicas.enumerated().map { Replica($1, id: $0, clock: clock) },
            batching: served.plan.flatMap { plan in served.sizer.map { Batching(plan, $0) } },
            cache: served.cache.map(Cache.init),
            tuning: routes.versions[number] == id
                ? snapshot.tuners[number].map { TuningDocument($0, clock: clock) } : nil,
            lastMinute: LastMinute(served.lastMinute))
    }
}

extension VersionDocument.Replica {
    /// Not yet asked, in or out since its last change.
    fileprivate init(_ remote: RemoteActivity, id: Int, clock: WallClock) {
        self.init(
            id: id, node: remote.address.description, count: remote.replicas ?? 1,
            state: remote.outage != nil ? "out" : remote.isIn ? "ready" : "starting",
            ageS: clock.age(of: remote.outage?.since ?? remote.changedAt), ongoing: remote.ongoing,
            batches: remote.batches, lastError: remote.outage?.reason)
    }
}

extension VersionSpec {
    fileprivate var shownHash: String? { isRemote ? nil : hash.text }
    fileprivate var shownPath: String? { isRemote ? nil : path }
}

extension VersionDocument.Cache {
    init(_ summary: CacheSummary) {
        self.init(
            hits: summary.hits, misses: summary.misses, evictions: summary.evictions, entries: summary.entries,
            bytes: summary.byteCount, maxBytes: summary.maxBytes, resting: summary.isResting)
    }
}

extension VersionDocument.LastMinute {
    init(_ summary: RateWindow.Summary) {
        self.init(
            requests: summary.requests, failures: summary.failures, perSecond: summary.perSecond,
            p50Ms: summary.p50?.milliseconds, p95Ms: summary.p95?.milliseconds,
            p99Ms: summary.p99?.milliseconds, meanBatchRows: summary.meanBatchRows)
    }
}

extension VersionDocument.Batching {
    init(_ plan: BatchPlan, _ sizer: BatchSizer) {
        self.init(
            maxRows: plan.maxRows, rowsInForce: plan.maxRows == 0 ? 0 : sizer.choice.rows,
            reason: plan.reason ?? sizer.choice.reason,
            costs: sizer.curve.points.compactMap(\.self).map { point in
                Cost(
                    rows: point.rows, milliseconds: point.seconds * 1000, rowsPerSecond: point.rowsPerSecond,
                    batches: point.samples)
            })
    }
}

extension DeploymentController.Instance {
    fileprivate var failure: String? {
        if case .failed(let reason) = phase { reason } else { nil }
    }
}
