import MantaCore
import MantaHTTP
import MantaServing
import MantaTime

extension InferenceService {
    /// Runs the inference that a request of HTTP asks for.
    ///
    /// - Parameters:
    ///   - request: The request, whose path names the model.
    ///   - form: What `decode` finds out for `encode`.
    ///   - decode: Makes the inference of the body.
    ///   - encode: Makes the reply.
    /// - Returns: The reply, with where its time went.
    /// - Throws: `HTTPError`.
    func answer<Form>(
        _ request: HTTPRequest, form: Form,
        decode: ([UInt8], ModelSignature, inout Form) throws(ServingError) -> InferenceRequest,
        encode: (InferenceResponse, Form) throws(ServingError) -> HTTPResponse
    ) async throws(HTTPError) -> HTTPResponse {
        var form = form
        do throws(ServingError) {
            return try await infer(
                model: request.modelName, version: try request.modelVersion, started: request.receivedAt
            ) { signature throws(ServingError) in
                var inference = try decode(request.body, signature, &form)
                inference.trace = request.headers.trace
                let schedule = try InferenceSchedule(
                    parameters: inference.parameters, header: request.headers["X-Request-Timeout-Ms"])
                return (inference, schedule)
            } encode: { response throws(ServingError) in
                var reply = try encode(response, form)
                let total = Instant.now - request.receivedAt
                reply.headers.append("Server-Timing", ServerTiming.header(response.timing, total: total))
                return reply
            }
        } catch {
            throw error.reply
        }
    }
}
