import MantaCore
import MantaHTTP
import MantaProtocol

/// Triton's generate extension: one JSON object in and out, without shapes.
struct GenerateRoutes: Sendable {
    let inference: InferenceService

    /// Adds the extension's routes.
    func register(in routes: inout Routes) {
        for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            routes.on(.post, model + "/generate", body: .required) { request in
                try await answer(request) { .json($0) }
            }
            routes.on(.post, model + "/generate_stream", body: .required) { request in
                try await answer(request, Self.event)
            }
        }
    }

    private func answer(
        _ request: HTTPRequest, _ reply: ([UInt8]) -> HTTPResponse
    ) async throws(HTTPError) -> HTTPResponse {
        try await inference.answer(request, form: ()) { body, signature, _ throws(ServingError) in
            try GenerateCodec.decode(body, signature: signature)
        } encode: { response, _ throws(ServingError) in
            reply(try GenerateCodec.encode(response))
        }
    }

    /// The stream of events that a reply makes: one, since no model here gives several replies to a request.
    private static func event(_ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            headers: ["Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"],
            body: .bytes(Array("data: ".utf8) + body + Array("\n\n".utf8)))
    }
}
