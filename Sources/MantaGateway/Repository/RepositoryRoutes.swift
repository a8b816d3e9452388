import FoundationEssentials
import MantaCore
import MantaHTTP

/// The model repository extension of the protocol over HTTP.
struct RepositoryRoutes: Sendable {
    private let repository: RepositoryService

    init(_ repository: RepositoryService) {
        self.repository = repository
    }

    /// Adds the extension's routes.
    func register(in routes: inout Routes) {
        routes.on(.post, "/v2/repository/index") { request in
            let body: IndexRequest = try Self.decode(request)
            return try .json(await repository.index(readyOnly: body.ready == true))
        }
        routes.on(.post, "/v2/repository/models/{model}/load") { request in
            let body: ControlRequest = try Self.decode(request)
            try Self.check(body, allowing: [])
            return try await Self.answering { () throws(ServingError) in
                try await repository.load(request.parameters["model"] ?? "")
            }
        }
        routes.on(.post, "/v2/repository/models/{model}/unload") { request in
            let body: ControlRequest = try Self.decode(request)
            try Self.check(body, allowing: ["unload_dependents"])
            return try await Self.answering { () throws(ServingError) in
                try await repository.unload(request.parameters["model"] ?? "")
            }
        }
    }

    private struct IndexRequest: Decodable {
        var ready: Bool?
    }

    private struct ControlRequest: Decodable {
        /// A value of any kind; which ones there are is all that matters.
        struct Anything: Decodable {
            init(from _: any Decoder) {}
        }

        var parameters: [String: Anything]?
    }

    private static func check(_ body: ControlRequest, allowing names: [String]) throws {
        guard let name = (body.parameters ?? [:]).keys.sorted().first(where: { !names.contains($0) }) else { return }
        throw ServingError(.unsupported, "parameter \"\(name)\" is not supported").reply
    }

    private static func answering(_ body: () async throws(ServingError) -> Void) async throws -> HTTPResponse {
        do throws(ServingError) {
            try await body()
            return HTTPResponse()
        } catch {
            throw error.reply
        }
    }

    /// The body; one that is empty says nothing.
    private static func decode<Body: Decodable>(_ request: HTTPRequest) throws(HTTPError) -> Body {
        let bytes = request.body.isEmpty ? Array("{}".utf8) : request.body
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)) else {
            throw HTTPError(.badRequest, "the body is not what is expected: {\"ready\": true} or {\"parameters\": {…}}")
        }
        return body
    }
}
