import MantaCore
import MantaProtocol
import Testing

/// A model of one input, for what doesn't depend on it.
let oneInput = ModelSignature(inputs: [TensorSpec("x", .fp32, [-1, 2])], outputs: [TensorSpec("y", .fp32, [-1, 2])])

/// A request that is all JSON.
func decode(_ json: String) throws(ServingError) -> (request: InferenceRequest, reply: ReplyForm) {
    try InferenceCodec.decode(Array(json.utf8), headerLength: nil, signature: oneInput)
}

/// A request with binary tensors behind its JSON.
func decode(_ json: String, _ binary: [UInt8]) throws(ServingError) -> (request: InferenceRequest, reply: ReplyForm) {
    try InferenceCodec.decode(Array(json.utf8) + binary, headerLength: json.utf8.count, signature: oneInput)
}

/// The one input of a request whose `data` is this.
func tensor(_ type: DataType, _ shape: Shape, _ data: String) throws(ServingError) -> Tensor {
    let json = #"{"inputs":[{"name":"x","shape":\#(shape),"datatype":"\#(type.rawValue)","data":\#(data)}]}"#
    return try decode(json).request.inputs[0].tensor
}

/// Why something was refused.
func refusal(
    _ code: ServingError.Code = .invalidRequest, _ body: () throws(ServingError) -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
) -> String {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
        return ""
    } catch {
        #expect(error.code == code, sourceLocation: sourceLocation)
        return error.message
    }
}

/// Why a request that is all JSON was refused.
func refusal(
    of json: String, _ code: ServingError.Code = .invalidRequest, sourceLocation: SourceLocation = #_sourceLocation
) -> String {
    refusal(code, { () throws(ServingError) in _ = try decode(json) }, sourceLocation: sourceLocation)
}

/// Why an element of this type was refused.
func refusal(
    of type: DataType, _ data: String, _ shape: Shape = [1], sourceLocation: SourceLocation = #_sourceLocation
) -> String {
    refusal(
        .invalidRequest, { () throws(ServingError) in _ = try tensor(type, shape, data) },
        sourceLocation: sourceLocation)
}

/// A reply of these outputs, as text and the binary tensors behind it.
func encode(
    _ outputs: [NamedTensor], id: String? = nil, as form: ReplyForm = ReplyForm()
) throws(ServingError) -> (json: String, binary: [UInt8], headerLength: Int?) {
    let response = InferenceResponse(model: ModelID(name: "digits", version: 3), id: id, outputs: outputs)
    let encoded = try InferenceCodec.encode(response, as: form)
    let length = encoded.headerLength ?? encoded.body.count
    return (
        String(decoding: encoded.body[..<length], as: UTF8.self), Array(encoded.body[length...]), encoded.headerLength
    )
}

/// The elements of a reply's one output.
func data(_ tensor: Tensor) throws -> String {
    let json = try encode([NamedTensor("y", tensor)]).json
    let start = try #require(json.firstRange(of: #""data":"#)).upperBound
    return String(json[start...].dropFirst().dropLast(4))
}

extension Tensor {
    /// A tensor of these bytes.
    static func of(_ type: DataType, _ shape: Shape, bytes: [UInt8]) -> Tensor {
        unsafe Tensor(type, shape: shape, byteCount: bytes.count) { unsafe $0.copyBytes(from: bytes) }
    }

    /// A tensor of 16-bit floats, by their bits.
    static func of(_ type: DataType, bits: [UInt16]) -> Tensor {
        .of(type, [bits.count], bytes: bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
    }

    var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }

    /// The bits of 16-bit floats.
    var bits: [UInt16] {
        let bytes = bytes
        return stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
    }

    var texts: [String] { elements.map { String(decoding: $0, as: UTF8.self) } }
}
