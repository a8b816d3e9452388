import MantaHTTP

/// Finding who answers a request.
enum Routing {
    static let operations = [Operation(name: "route", prepare: matching)]

    @Sendable private static func matching() -> () throws -> Void {
        var routes = Routes()
        for path in [
            "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/stats", "/v2/models/{model}",
            "/v2/models/{model}/config", "/v2/models/{model}/ready", "/v2/models/{model}/stats",
            "/v2/models/{model}/versions/{version}", "/v2/models/{model}/versions/{version}/infer",
            "/v1/models/{model}",
            "/v1/models/{model}:predict", "/v2/repository/index", "/v2/repository/models/{model}/load",
        ] {
            routes.on(.get, path) { _ in HTTPResponse() }
        }
        routes.on(.post, "/v2/models/{model}/infer") { _ in HTTPResponse() }
        let complete = routes
        return { precondition(complete.answer(.post, path: "/v2/models/digits/infer")) }
    }
}
