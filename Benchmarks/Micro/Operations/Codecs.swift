import MantaCore
import MantaProtocol

/// Reading requests and writing replies.
enum Codecs {
    static let operations = [
        Operation(name: "json-decode-64") { decoding(numbers: 64) },
        Operation(name: "json-decode-10000") { decoding(numbers: 10_000) },
        Operation(name: "json-encode-1") { encoding(numbers: 1, ReplyForm()) },
        Operation(name: "json-encode-384") { encoding(numbers: 384, ReplyForm()) },
        Operation(name: "binary-encode-384") { encoding(numbers: 384, ReplyForm(binary: true)) },
        Operation(name: "binary-decode-10000", prepare: binaryDecoding),
    ]

    private static func signature(_ size: Int) -> ModelSignature {
        ModelSignature(
            inputs: [TensorSpec("input", .fp32, [-1, size])], outputs: [TensorSpec("output", .fp32, [-1, size])])
    }

    private static func decoding(numbers: Int) -> () throws -> Void {
        // As clients send them: a few whole numbers, most with some digits.
        let values = (0..<numbers).map { $0 % 4 == 0 ? "\($0 % 17).0" : "\(Float($0) * 0.37)" }
        let text =
            #"{"inputs":[{"name":"input","datatype":"FP32","shape":[1,\#(numbers)],"data":[\#(values.joined(separator: ","))]}]}"#
        let (body, signature) = (Array(text.utf8), signature(numbers))
        return { _ = try InferenceCodec.decode(body, headerLength: nil, signature: signature) }
    }

    @Sendable private static func binaryDecoding() -> () throws -> Void {
        let json =
            #"{"inputs":[{"name":"input","datatype":"FP32","shape":[1,10000],"parameters":{"binary_data_size":40000}}]}"#
        let (body, length) = (Array(json.utf8) + [UInt8](repeating: 1, count: 40_000), json.utf8.count)
        let signature = signature(10_000)
        return { _ = try InferenceCodec.decode(body, headerLength: length, signature: signature) }
    }

    private static func encoding(numbers: Int, _ form: ReplyForm) -> () throws -> Void {
        let tensor = Tensor(shape: [1, numbers], (0..<numbers).map { Float($0) * 0.0371 })
        let response = InferenceResponse(
            model: ModelID(name: "digits", version: 1), outputs: [NamedTensor("output", tensor)])
        return { _ = try InferenceCodec.encode(response, as: form) }
    }
}
