/// What a model takes and gives: `GET /v2/models/{name}`.
struct ModelMetadata: Decodable, Sendable {
    struct Tensor: Decodable, Sendable {
        let name: String
        let datatype: String
        let shape: [Int]

        /// `"x": FP32 [-1, 64]`, as in messages.
        var description: String { "\"\(name.printable)\": \(datatype.printable) \(shape)" }
    }

    let inputs: [Tensor]
}

/// What a model gave: the reply to an inference.
struct InferenceReply: Decodable, Sendable {
    struct Output: Decodable, Sendable {
        let name: String
        let shape: [Int]
        let datatype: String
        let data: [JSONValue]
    }

    let modelName: String?
    let modelVersion: String?
    let outputs: [Output]
}
