import MantaServing
import MantaTelemetry

/// How the process is, as `docs/admin.md` shows it.
struct ServerDocument: Encodable {
    struct Store: Encodable {
        let kind: String
        @Nullable var path: String?
        let durable: Bool
    }

    struct Deployment: Encodable {
        let name: String
        let state: String
        @Nullable var reason: String?
    }

    let version: String
    let startedAt: Timestamp
    let uptimeS: Double
    let ready: Bool
    @Nullable var reason: String?
    let node: NodeDocument
    @Nullable var fleet: FleetDocument?
    let store: Store
    let deployments: [Deployment]
    let warnings: [String]
}

/// This process, and the fleet that it is a front of.
struct NodesDocument: Encodable {
    let nodes: [NodeDocument]
    @Nullable var fleet: FleetDocument?
}

/// What a node has.
struct NodeDocument: Encodable {
    let id = "local"
    let cpus: Int
    let lanes: Int
    let residentBytes: Int
    let openFiles: Int
    let cpuSeconds: Double
}

/// What becomes of a change.
struct ChangeDocument: Encodable {
    let deployment: String
    let message: String
    let done: Bool
    let state: String
    @Nullable var reason: String?
    let durable: Bool
}
