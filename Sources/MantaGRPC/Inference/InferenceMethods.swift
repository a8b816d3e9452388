import MantaCore
import MantaGateway
import MantaServing
import MantaTime
import MantaWire

/// Inference, one request a call or many.
struct InferenceMethods: Sendable {
    let plane: DataPlane
    /// Requests of one stream that are worked on at a time.
    let requestsPerStream: Int

    func add(to methods: inout Methods) {
        methods.unary(
            .inference("ModelInfer"), decode: InferMessage.init(reading:), encode: MessageFrame.init(reply:)
        ) { message, call in
            try await infer(message, call, started: call.receivedAt)
        }
        methods.streaming(
            .inference("ModelStreamInfer"), decode: InferMessage.init(reading:), encode: MessageFrame.init(streamed:)
        ) { messages, writer, call in
            try await StreamInference(methods: self, call: call, writer: writer).run(messages)
        }
    }

    /// Runs one request.
    func infer(
        _ message: InferMessage, _ call: Call, started: Instant
    ) async throws(ServingError) -> InferReply {
        try await plane.inference.infer(
            model: message.head.modelName, version: try ModelVersion.number(message.head.modelVersion),
            started: started
        ) { _ throws(ServingError) in
            var request = try InferRequestReader.read(message, memory: plane.memory)
            request.trace = call.trace
            let remaining = call.remaining
            if let remaining, remaining <= .zero {
                throw ServingError(.deadlineExceeded, "no answer in the time that the client gave")
            }
            return (request, try InferenceSchedule(parameters: request.parameters, within: remaining))
        } encode: { response throws(ServingError) in
            InferReply(response)
        }
    }
}
