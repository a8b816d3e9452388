import MantaCore
package import MantaHTTP
import MantaProtocol
import MantaServing

/// The Open Inference Protocol v2 over HTTP, with Triton's extensions.
package struct InferenceRoutes: Sendable {
    private let plane: DataPlane
    private let forOperators: Bool
    private var catalog: ModelCatalog { plane.catalog }

    /// Routes to what a data plane has.
    ///
    /// - Parameters:
    ///   - plane: What answers.
    ///   - forOperators: Whether the listener is for operators, who may change what is logged and traced.
    package init(_ plane: DataPlane, forOperators: Bool = false) {
        (self.plane, self.forOperators) = (plane, forOperators)
    }

    /// Adds the protocol's routes.
    package func register(in routes: inout Routes) {
        HealthRoutes(catalog: catalog).register(in: &routes)
        RepositoryRoutes(plane.repository).register(in: &routes)
        SharedMemoryRoutes(plane.memory).register(in: &routes)
        StatisticsRoutes(statistics: plane.statistics).register(in: &routes)
        SettingsRoutes(plane: plane, forOperators: forOperators).register(in: &routes)
        GenerateRoutes(inference: plane.inference).register(in: &routes)
        PredictRoutes(plane: plane).register(in: &routes)
        routes.on(.get, "/v2/models") { [catalog] _ in try .json(ModelList(models: catalog.all.map(\.name))) }
        routes.on(.get, "/v2") { [plane] _ in
            try .json(ServerMetadata(version: plane.version, extensions: plane.extensions))
        }
        for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            routes.on(.get, model) { try translated(metadata, $0) }
            routes.on(.get, model + "/config") { try translated(configuration, $0) }
            routes.on(.get, model + "/ready") { try translated(ready, $0) }
            routes.on(.post, model + "/infer", body: .required) { try await infer($0) }
        }
    }

    /// Adds what other nodes ask of the models that they know by name, and show these tokens for.
    package func registerModels(in routes: inout Routes, for tokens: TokenSet?) {
        let model = "/v2/models/{model}/versions/{version}"
        routes.on(.get, model, nodes: tokens) { try translated(metadata, $0) }
        routes.on(.get, model + "/config", nodes: tokens) { try translated(configuration, $0) }
        routes.on(.post, model + "/infer", body: .required, nodes: tokens) { try await infer($0) }
    }

    private func metadata(_ request: HTTPRequest) throws -> HTTPResponse {
        let deployment = try catalog.deployment(request.modelName)
        let target = try deployment.target(try request.modelVersion)
        return try .json(ModelMetadata(deployment, signature: target.signature))
    }

    private func configuration(_ request: HTTPRequest) throws -> HTTPResponse {
        let message = try plane.configuration(
            model: request.modelName, version: try request.modelVersion)
        return try .json(ModelConfigurationDocument(message))
    }

    private func ready(_ request: HTTPRequest) throws -> HTTPResponse {
        let deployment = try catalog.deployment(request.modelName)
        return try HealthRoutes.ready(deployment, version: try request.modelVersion)
    }

    private func infer(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        return try await plane.inference.answer(request, form: ReplyForm()) {
            body, signature, form throws(ServingError) in
            let decoded = try InferenceCodec.decode(
                body, headerLength: try Self.headerLength(of: request), signature: signature, memory: plane.memory)
            form = decoded.reply
            return decoded.request
        } encode: { response, form throws(ServingError) in
            let encoded = try InferenceCodec.encode(response, as: form)
            var headers: HTTPHeaders = [:]
            if let length = encoded.headerLength {
                headers.append("Content-Type", "application/octet-stream")
                headers.append("Inference-Header-Content-Length", String(length))
            } else {
                headers.append("Content-Type", "application/json")
            }
            return HTTPResponse(headers: headers, body: .bytes(encoded.body))
        }
    }

    private static func headerLength(of request: HTTPRequest) throws(ServingError) -> Int? {
        guard let text = request.headers["Inference-Header-Content-Length"] else { return nil }
        guard let length = Int(text) else {
            throw ServingError(
                .invalidRequest, "header Inference-Header-Content-Length: expected a number of bytes, got \(text)")
        }
        return length
    }

    private func translated(
        _ handler: (HTTPRequest) throws -> HTTPResponse, _ request: HTTPRequest
    ) throws -> HTTPResponse {
        do {
            return try handler(request)
        } catch let error as ServingError {
            throw error.reply
        }
    }
}
