import MantaCore
import MantaHTTP
import MantaProtocol
import MantaServing

/// Version 1 of KServe's protocol, which is that of TensorFlow Serving.
struct PredictRoutes: Sendable {
    let plane: DataPlane

    /// Adds the protocol's routes.
    func register(in routes: inout Routes) {
        routes.on(.get, "/v1/models") { [catalog = plane.catalog] _ in
            try .json(ModelList(models: catalog.all.map(\.name)))
        }
        for model in ["/v1/models/{model}", "/v1/models/{model}/versions/{version}"] {
            // Before the model's own, whose name takes any text.
            routes.on(.post, model + ":predict", body: .required) { try await predict($0) }
            for verb in ["classify", "regress", "explain"] {
                routes.on(.post, "\(model):\(verb)") { _ in
                    throw ServingError(
                        .unsupported, "\(verb) isn't supported: ask the model by predict, or by /v2/models/…/infer"
                    ).reply
                }
            }
            routes.on(.get, model + "/metadata") { request in
                try await .answering { () throws(ServingError) in try metadata(request) }
            }
            routes.on(.get, model) { try status($0) }
        }
    }

    private func predict(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await plane.inference.answer(request, form: PredictCodec.Form.columns) {
            body, signature, form throws(ServingError) in
            let decoded = try PredictCodec.decode(body, signature: signature)
            form = decoded.form
            return decoded.request
        } encode: { response, form throws(ServingError) in
            .json(try PredictCodec.encode(response, as: form))
        }
    }

    /// KServe's answer and TensorFlow Serving's in one: neither has a member of the other's.
    private func status(_ request: HTTPRequest) throws -> HTTPResponse {
        let status: ModelStatus
        do throws(ServingError) {
            status = try modelStatus(request)
        } catch {
            throw error.reply
        }
        return try .json(status, status: status.ready ? .ok : .serviceUnavailable)
    }

    private func modelStatus(_ request: HTTPRequest) throws(ServingError) -> ModelStatus {
        let deployment = try plane.catalog.deployment(request.modelName)
        let version = try request.modelVersion
        do throws(ServingError) {
            _ = try deployment.target(version)
            return ModelStatus(name: deployment.name, versions: version.map { [$0] } ?? deployment.versions)
        } catch  where error.code != .notFound {
            return ModelStatus(name: deployment.name, versions: version.map { [$0] } ?? [], error: error.message)
        }
    }

    private func metadata(_ request: HTTPRequest) throws(ServingError) -> PredictMetadata {
        let deployment = try plane.catalog.deployment(request.modelName)
        let version = try request.modelVersion
        let target = try deployment.target(version)
        return PredictMetadata(
            name: deployment.name, version: version ?? deployment.versions.last ?? 0, signature: target.signature)
    }
}
