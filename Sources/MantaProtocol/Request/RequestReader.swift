internal import MantaCore
internal import MantaSharedMemory

/// Reads the JSON object of a request.
///
/// A member that Manta reads may be there once; others are passed over.
struct RequestReader {
    private var id: String?
    private var parameters: Parameters?
    private var inputs: [NamedTensor]?
    private var outputs: [RequestedOutput]?
    private var reply = ReplyForm()

    /// Reads a request, from the beginning of its JSON, and the form its reply is wanted in.
    static func read(
        _ json: inout JSONReader, binary: inout BinarySection, memory: SharedMemory?
    ) throws(ServingError) -> (request: InferenceRequest, reply: ReplyForm) {
        var reader = RequestReader()
        try json.enterText()
        while let member = try json.nextMember() {
            switch member {
            case "inputs": try reader.readInputs(&json, binary: &binary, memory: memory)
            case "outputs": try reader.readOutputs(&json)
            case "parameters": try reader.readParameters(&json)
            case "id":
                guard reader.id == nil else { throw Place.request.givenTwice("id") }
                if try !json.skipNull() { reader.id = try json.readString("id", of: .request) }
            default: try json.skipValue()
            }
        }
        try json.finish()
        try binary.finish()
        return try reader.finish()
    }

    private mutating func readInputs(
        _ json: inout JSONReader, binary: inout BinarySection, memory: SharedMemory?
    ) throws(ServingError) {
        guard inputs == nil else { throw Place.request.givenTwice("inputs") }
        guard json.enterArray() else { throw json.unexpected("inputs", "an array", .request) }
        var inputs: [NamedTensor] = []
        while try json.nextElement() {
            inputs.append(try InputReader.read(&json, index: inputs.count, binary: &binary, memory: memory))
        }
        self.inputs = inputs
    }

    private mutating func readOutputs(_ json: inout JSONReader) throws(ServingError) {
        guard outputs == nil else { throw Place.request.givenTwice("outputs") }
        if try json.skipNull() { return }
        guard json.enterArray() else { throw json.unexpected("outputs", "an array", .request) }
        var outputs: [RequestedOutput] = []
        while try json.nextElement() {
            let output = try OutputReader.read(&json, index: outputs.count)
            outputs.append(output.wanted)
            if let isBinary = output.isBinary { reply.choose(output.wanted.name, binary: isBinary) }
        }
        self.outputs = outputs
    }

    private mutating func readParameters(_ json: inout JSONReader) throws(ServingError) {
        guard parameters == nil else { throw Place.request.givenTwice("parameters") }
        var parameters: Parameters = [:]
        var binaryByDefault = false
        try json.readParameters(of: .request) { name, value throws(ServingError) in
            if case "binary_data_output" = name {
                guard case .bool(let isBinary) = value else {
                    throw Place.request.error("parameter \"binary_data_output\": expected true or false")
                }
                binaryByDefault = isBinary
                return
            }
            let name = name.text
            guard !name.hasPrefix("triton_") else {
                throw Place.request.error("parameter \"\(name)\": names that begin with \"triton_\" are reserved")
            }
            parameters[name] = value
        }
        self.parameters = parameters
        reply.binaryByDefault = binaryByDefault
    }

    private func finish() throws(ServingError) -> (request: InferenceRequest, reply: ReplyForm) {
        guard let inputs else { throw Place.request.missing("inputs") }
        return (InferenceRequest(id: id, parameters: parameters ?? [:], inputs: inputs, outputs: outputs ?? []), reply)
    }
}
