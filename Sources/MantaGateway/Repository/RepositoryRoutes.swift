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
            return try await Self.answering { () throws(ServingError) in
                try await repository.load(request.parameters["model"] ?? "", try Self.override(body.parameters ?? [:]))
            }
        }
        routes.on(.post, "/v2/repository/models/{model}/unload") { request in
            let body: ControlRequest = try Self.decode(request)
            return try await Self.answering { () throws(ServingError) in
                // Of ensembles, which there aren't.
                try Self.refuse((body.parameters ?? [:]).keys.filter { $0 != "unload_dependents" })
                try await repository.unload(request.parameters["model"] ?? "")
            }
        }
    }

    private struct IndexRequest: Decodable {
        var ready: Bool?
    }

    private struct ControlRequest: Decodable {
        /// A value, if it is a string.
        struct Value: Decodable {
            let string: String?

            init(from decoder: any Decoder) throws {
                string = try? decoder.singleValueContainer().decode(String.self)
            }
        }

        var parameters: [String: Value]?
    }

    private static func override(
        _ parameters: [String: ControlRequest.Value]
    ) throws(ServingError) -> RepositoryService.Override {
        var override = RepositoryService.Override()
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            guard name == "config" || name.hasPrefix("file:") else { throw refusal(of: name) }
            guard let text = value.string else {
                throw ServingError(.invalidRequest, "parameter \"\(name)\": expected a string")
            }
            if name == "config" {
                override.configuration = text
                continue
            }
            guard let bytes = Data(base64Encoded: text) else {
                throw ServingError(.invalidRequest, "parameter \"\(name)\": expected the file's bytes in Base64")
            }
            override.files[String(name.dropFirst(5))] = [UInt8](bytes)
        }
        return override
    }

    private static func refuse(_ names: [String]) throws(ServingError) {
        if let name = names.min() { throw refusal(of: name) }
    }

    private static func refusal(of name: String) -> ServingError {
        ServingError(.unsupported, "parameter \"\(name)\" is not supported")
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
