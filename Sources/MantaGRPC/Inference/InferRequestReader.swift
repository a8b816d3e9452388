import MantaCore
import MantaProtocol
import MantaSharedMemory
import MantaWire

/// Makes a request of a protocol's message.
///
/// Whether its inputs are the model's is for `ModelSignature.bind` to say.
struct InferRequestReader {
    private let message: InferMessage
    private let memory: SharedMemory?
    /// How many of the raw contents are taken.
    private var taken = 0

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - memory: The memory that clients share; `nil` if they may not.
    /// - Returns: The request.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the input or parameter, or `unsupported`.
    static func read(_ message: InferMessage, memory: SharedMemory?) throws(ServingError) -> InferenceRequest {
        var reader = InferRequestReader(message: message, memory: memory)
        return try reader.read()
    }

    private init(message: InferMessage, memory: SharedMemory?) {
        (self.message, self.memory) = (message, memory)
    }

    private mutating func read() throws(ServingError) -> InferenceRequest {
        let head = message.head
        var parameters: Parameters = [:]
        for (name, parameter) in head.parameters {
            if name == StreamParameters.wantsFinalResponse { continue }
            guard !name.hasPrefix("triton_") else {
                throw Place.request.error("parameter \"\(name)\": names that begin with \"triton_\" are reserved")
            }
            parameters[name] = parameter.value
        }
        var inputs: [NamedTensor] = []
        for (index, input) in head.inputs.enumerated() { inputs.append(try read(input, index: index)) }
        guard taken == message.raw.count else {
            throw Place.request.error(
                "raw_input_contents has \(message.raw.count) entries, but \(taken) inputs take one")
        }
        var outputs: [RequestedOutput] = []
        for (index, output) in head.outputs.enumerated() { outputs.append(try read(output, index: index)) }
        return InferenceRequest(
            id: head.id.isEmpty ? nil : head.id, parameters: parameters, inputs: inputs, outputs: outputs)
    }

    private mutating func read(
        _ input: Inference_ModelInferRequest.InferInputTensor, index: Int
    ) throws(ServingError) -> NamedTensor {
        let place = Place.input(input.name.isEmpty ? nil : input.name, index: index)
        guard !input.name.isEmpty else { throw place.missing("name") }
        guard let dataType = DataType(rawValue: input.datatype) else {
            let names = DataType.allCases.map(\.rawValue).joined(separator: ", ")
            throw place.error("datatype: expected one of \(names), found \"\(input.datatype)\"")
        }
        if let negative = input.shape.first(where: { $0 < 0 }) {
            throw place.error("shape: expected sizes of at least 0, found \(negative)")
        }
        let shape = Shape(input.shape.map(Int.init))
        guard let count = shape.elementCount else {
            throw place.error("shape \(shape) has more elements than can be counted")
        }
        if let slice = try input.parameters.slice(place) {
            guard !input.hasContents else { throw place.error("expected contents or shared memory, found both") }
            do throws(ServingError) {
                return NamedTensor(input.name, try memory.orForbidden().read(slice, dataType, shape))
            } catch {
                throw place.error(error)
            }
        }
        if message.raw.isEmpty {
            return NamedTensor(input.name, try TypedContents.tensor(input.contents, dataType, shape, count, place))
        }
        guard !input.hasContents else {
            throw place.error("expected no contents, since the request has raw_input_contents")
        }
        guard taken < message.raw.count else {
            throw place.error("raw_input_contents has \(message.raw.count) entries, and none is left for it")
        }
        let buffer = message.raw[taken]
        taken += 1
        if let fault = Tensor.fault(
            in: buffer.byteCount, of: dataType, shape, source: "the size of its raw contents is")
            ?? (unsafe buffer.withUnsafeBytes { unsafe Tensor.fault(in: $0, dataType, shape) })
        {
            throw place.error(fault)
        }
        return NamedTensor(input.name, Tensor(dataType, shape: shape, buffer: buffer))
    }

    private func read(
        _ output: Inference_ModelInferRequest.InferRequestedOutputTensor, index: Int
    ) throws(ServingError) -> RequestedOutput {
        let place = Place.output(output.name.isEmpty ? nil : output.name, index: index)
        guard !output.name.isEmpty else { throw place.missing("name") }
        var wanted = RequestedOutput(output.name)
        if let parameter = output.parameters["classification"] {
            guard case .integer(let classes) = parameter.value, classes > 0 else {
                throw place.error("parameter \"classification\": expected an integer of at least 1")
            }
            wanted.classes = Int(classes)
        }
        wanted.slice = try output.parameters.slice(place)
        return wanted
    }
}
