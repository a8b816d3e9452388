import MantaCore
public import MantaHTTP
public import MantaServing

/// Whether the server lives and takes requests, as probes ask.
public struct HealthRoutes: Sendable {
    private struct Ready: Encodable {
        var name: String?
        let ready: Bool
        /// Why not.
        var error: String?
    }

    private let catalog: ModelCatalog

    /// Health of these models.
    public init(catalog: ModelCatalog) {
        self.catalog = catalog
    }

    /// Adds `/v2/health/live` and `/v2/health/ready`.
    public func register(in routes: inout Routes) {
        // Probes ask often, so what they mostly hear is written once.
        let (live, isReady) = (Array(#"{"live":true}"#.utf8), Array(#"{"ready":true}"#.utf8))
        routes.on(.get, "/v2/health/live", access: .open) { _ in .json(live) }
        routes.on(.get, "/v2/health/ready", access: .open) { [catalog] _ in
            if let reason = catalog.unreadiness {
                return try .json(Ready(ready: false, error: reason), status: .serviceUnavailable)
            }
            return .json(isReady)
        }
    }

    /// Whether a model takes requests, or one version of it; 503 with the reason if it doesn't.
    static func ready(_ deployment: Deployment, version: Int?) throws -> HTTPResponse {
        do throws(ServingError) {
            _ = try deployment.target(version)
        } catch  where error.code != .notFound {
            let document = Ready(name: deployment.name, ready: false, error: error.message)
            return try .json(document, status: .serviceUnavailable)
        }
        return try .json(Ready(name: deployment.name, ready: true))
    }
}
