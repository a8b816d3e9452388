import MantaCore
import MantaHTTP

/// The statistics extension of the protocol over HTTP.
struct StatisticsRoutes: Sendable {
    let statistics: StatisticsService

    private struct Answer: Encodable {
        let modelStats: [StatisticsDocument]
    }

    /// Adds the extension's routes. `/v2/models/stats` must come before that of a model's metadata.
    func register(in routes: inout Routes) {
        let paths = [
            "/v2/models/stats", "/v2/models/{model}/stats", "/v2/models/{model}/versions/{version}/stats",
        ]
        for path in paths {
            routes.on(.get, path) { [statistics] request in
                try await .answering { () throws(ServingError) in
                    let version = try request.modelVersion
                    return Answer(
                        modelStats: try statistics.documents(model: request.parameters["model"], version: version))
                }
            }
        }
    }
}
