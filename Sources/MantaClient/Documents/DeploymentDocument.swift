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
        let lastMinute: LastMinute?
    }

    struct Replica: Decodable {
        let id: Int
        let node: String?
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

extension DeploymentDocument.Version {
    /// Whether replicas are wanted for it.
    private var isWanted: Bool { !["gone", "draining", "failed"].contains(state ?? "") }

    /// Replicas that are ready.
    var readyReplicas: Int { (replicas ?? []).count { $0.state == "ready" } }

    /// Replicas that are wanted: as many as are pinned, or as many as the autoscaler has.
    func wantedReplicas(_ scale: DeploymentDocument.Scale?) -> Int {
        guard isWanted else { return 0 }
        return scale?.replicas ?? (replicas ?? []).count { $0.state != "draining" && $0.state != "gone" }
    }
}
