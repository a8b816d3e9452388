/// How a deployment is: `GET /admin/v1/deployments/{name}`.
struct DeploymentDocument: Decodable, Sendable {
    struct Configuration: Decodable {
        let source: String?
        let file: String?
        let overrides: String?
        let values: JSONValue?
    }

    struct Scale: Decodable {
        let mode: String?
        let source: String?
        let replicas: Int?
        let min: Int?
        let max: Int?
    }

    struct Update: Decodable {
        let state: String?
        let from: [Int]?
        let to: [Int]?
        let reason: String?
        let startedAt: String?
    }

    struct Version: Decodable {
        let version: Int
        let hash: String?
        let path: String?
        let state: String?
        let reason: String?
        let `default`: Bool?
        let ageS: Double?
        let queued: Int?
        let ongoing: Int?
        let replicas: [Replica]?
        let batching: Batching?
        let tuning: Tuning?
        let lastMinute: LastMinute?
    }

    struct Replica: Decodable {
        let id: Int
        let node: String?
        let count: Int?
        let state: String?
        let ageS: Double?
        let ongoing: Int?
        let batches: Int?
        let lastError: String?
    }

    struct Batching: Decodable {
        let maxRows: Int?
        let rowsInForce: Int?
        let reason: String?
    }

    struct Tuning: Decodable {
        struct Lanes: Decodable {
            let replicas: Int?
            let threads: Int?
        }

        struct Trial: Decodable {
            let at: String?
            let lanes: Lanes?
            let outcome: String?
            let reason: String?
        }

        let state: String?
        let best: Lanes?
        let candidate: Lanes?
        let reason: String?
        let trials: [Trial]?
    }

    struct LastMinute: Decodable {
        let requests: Int?
        let failures: Int?
        let perSecond: Double?
        let p50Ms: Double?
        let p95Ms: Double?
        let p99Ms: Double?
        let meanBatchRows: Double?
    }

    struct Decision: Decodable {
        let at: String?
        let version: Int?
        let from: Int?
        let to: Int?
        let reason: String?
    }

    let name: String
    let state: String?
    let reason: String?
    let configuration: Configuration?
    let scale: Scale?
    let update: Update?
    let versions: [Version]?
    let decisions: [Decision]?
    let warnings: [String]?
}

/// `GET /admin/v1/deployments`.
struct DeploymentsDocument: Decodable {
    let deployments: [DeploymentDocument]
}

extension DeploymentDocument {
    /// Replicas that are wanted, of all versions.
    var wantedReplicas: Int {
        guard let versions, !versions.isEmpty else { return scale?.replicas ?? 0 }
        // One on its way to service gets its replicas last; what serves has those wanted, ready or not.
        return versions.reduce(0) {
            $0 + ($1.isComing ? max($1.lastingReplicas, scale?.replicas ?? 0) : allReplicas(of: $1))
        }
    }

    /// Replicas of a version that are ready, become so, or have no place.
    func allReplicas(of version: Version) -> Int {
        // Of those elsewhere only the ones that are there are told of.
        guard version.isElsewhere, version.isComing || version.state == "ready" else { return version.lastingReplicas }
        return max(version.readyReplicas, scale?.replicas ?? 0)
    }
}

extension DeploymentDocument.Version {
    /// Replicas that are ready.
    var readyReplicas: Int {
        (replicas ?? []).reduce(0) { $0 + ($1.state == "ready" ? $1.count ?? 1 : 0) }
    }

    /// Whether other servers have it: there is no file of it here.
    fileprivate var isElsewhere: Bool { path == nil && hash == nil }

    /// Whether it doesn't serve yet, but is to.
    var isComing: Bool { ["pending", "loading", "warming"].contains(state) }

    /// Replicas that are ready or become so.
    var lastingReplicas: Int {
        (replicas ?? []).reduce(0) { $0 + (["draining", "failed", "gone"].contains($1.state) ? 0 : $1.count ?? 1) }
    }
}
