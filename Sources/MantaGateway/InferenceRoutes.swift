import MantaCore
public import MantaHTTP
import MantaProtocol
public import MantaServing

/// The Open Inference Protocol v2 over HTTP, with Triton's binary tensors.
public struct InferenceRoutes: Sendable {
    private let catalog: ModelCatalog
    private let service: InferenceService
    private let version: String

    /// Routes to these models.
    ///
    /// - Parameters:
    ///   - catalog: The models.
    ///   - version: Manta's version, for the server's metadata.
    public init(catalog: ModelCatalog, version: String) {
        self.catalog = catalog
        self.service = InferenceService(catalog: catalog)
        self.version = version
    }

    /// Adds the protocol's routes.
    public func register(in routes: inout Routes) {
        HealthRoutes(catalog: catalog).register(in: &routes)
        routes.on(.get, "/v2") { [version] _ in try .json(ServerMetadata(version: version)) }
        for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            routes.on(.get, model) { try translated(metadata, $0) }
            routes.on(.get, model + "/ready") { try translated(ready, $0) }
            routes.on(.post, model + "/infer", body: .required) { request in
                do throws(ServingError) {
                    return try await infer(request)
                } catch {
                    throw error.reply
                }
            }
        }
    }

    private func metadata(_ request: HTTPRequest) throws -> HTTPResponse {
        let deployment = try catalog.deployment(request.parameters["model"] ?? "")
        let target = try deployment.target(try Self.versionNumber(of: request))
        return try .json(ModelMetadata(deployment, signature: target.signature))
    }

    private func ready(_ request: HTTPRequest) throws -> HTTPResponse {
        let deployment = try catalog.deployment(request.parameters["model"] ?? "")
        return try HealthRoutes.ready(deployment, version: try Self.versionNumber(of: request))
    }

    private func infer(_ request: HTTPRequest) async throws(ServingError) -> HTTPResponse {
        var form = ReplyForm()
        return try await service.infer(
            model: request.parameters["model"] ?? "", version: try Self.versionNumber(of: request),
            started: request.receivedAt
        ) { signature throws(ServingError) in
            let decoded = try InferenceCodec.decode(
                request.body, headerLength: try Self.headerLength(of: request), signature: signature)
            form = decoded.reply
            let schedule = try InferenceSchedule(
                parameters: decoded.request.parameters, header: request.headers["X-Request-Timeout-Ms"])
            return (decoded.request, schedule)
        } encode: { response throws(ServingError) in
            let encoded = try InferenceCodec.encode(response, as: form)
            let total = ContinuousClock.now - request.receivedAt
            var headers: HTTPHeaders = ["Server-Timing": ServerTiming.header(response.timing, total: total)]
            if let length = encoded.headerLength {
                headers.append("Content-Type", "application/octet-stream")
                headers.append("Inference-Header-Content-Length", String(length))
            } else {
                headers.append("Content-Type", "application/json")
            }
            return HTTPResponse(headers: headers, body: .bytes(encoded.body))
        }
    }

    /// The version that the path names; `nil` if it names none.
    private static func versionNumber(of request: HTTPRequest) throws(ServingError) -> Int? {
        guard let text = request.parameters["version"] else { return nil }
        guard let number = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw ServingError(.modelNotFound, "version \"\(text)\": versions are whole numbers from 1 on")
        }
        return number
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
