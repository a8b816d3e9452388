import MantaBatching
import MantaCore
import MantaGateway
import MantaHTTP
import MantaServing
import MantaTelemetry

/// What operators read: metrics, and how each deployment is.
struct AdminRoutes: Sendable {
    let catalog: ModelCatalog
    let registry: PrometheusRegistry

    func register(in routes: inout Routes) {
        routes.on(.get, "/metrics") { [registry] _ in
            HTTPResponse(
                headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: .bytes(Array(registry.render().utf8)))
        }
        routes.on(.get, "/admin/v1/deployments") { [catalog] _ in
            try .json(["deployments": catalog.all.map(DeploymentStatus.init)])
        }
        routes.on(.get, "/admin/v1/deployments/{name}") { [catalog] request in
            let name = request.parameters["name"] ?? ""
            guard let deployment = try? catalog.deployment(name) else {
                throw HTTPError(HTTPStatus(404), "deployment \"\(name)\" is not found")
            }
            return try .json(DeploymentStatus(deployment))
        }
    }
}

/// How a deployment is, for operators.
struct DeploymentStatus: Encodable {
    struct Version: Encodable {
        let version: Int
        let state: String
        let reason: String?
        let replicas: Int
        let queued: Int
        let batching: Batching?
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

    let name: String
    let fault: String?
    let versions: [Version]

    init(_ deployment: Deployment) {
        name = deployment.name
        fault = deployment.fault?.message
        versions = deployment.versions.map(Version.init)
    }
}

extension DeploymentStatus.Version {
    init(_ served: ServedVersion) {
        let state = served.state
        var reason: String?
        if case .failed(let error) = state { reason = error.message }
        self.init(
            version: served.id.version, state: state.word, reason: reason,
            replicas: state.isReady ? served.replicaCount : 0, queued: served.queueDepth,
            batching: served.plan.flatMap { plan in served.sizer.map { DeploymentStatus.Batching(plan, $0) } })
    }
}

extension DeploymentStatus.Batching {
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
