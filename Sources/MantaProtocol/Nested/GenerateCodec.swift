public import MantaCore

/// The bodies of Triton's generate extension: inputs, outputs and parameters by name, without shapes.
///
/// ```swift
/// let request = try GenerateCodec.decode(body, signature: model.signature)
/// let reply = try GenerateCodec.encode(try await version.infer(request))
/// ```
public enum GenerateCodec {
    /// Reads the body of a request.
    ///
    /// A member that has the name of an input, at the top or in `parameters`, is that input's tensor; every other is a
    /// parameter. A scalar or a flat array takes the shape of the signature with batch 1; one of several dimensions
    /// tells its own.
    ///
    /// - Parameters:
    ///   - body: The whole body.
    ///   - signature: What the model takes.
    /// - Returns: The request.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names what is wrong.
    public static func decode(
        _ body: [UInt8], signature: ModelSignature
    ) throws(ServingError) -> InferenceRequest {
        try unsafe body.withUnsafeBufferPointer { bytes throws(ServingError) in
            var json = try unsafe JSONReader(bytes)
            try json.enterText()
            var request = InferenceRequest(inputs: [])
            while let member = try json.nextMember() {
                switch member {
                case "id":
                    if try !json.skipNull() { request.id = try json.readString("id", of: .request) }
                case "parameters" where json.byte == UInt8(ascii: "{"):
                    _ = json.enterObject()
                    while let member = try json.nextMember() { try read(member.text, &json, signature, &request) }
                default: try read(member.text, &json, signature, &request)
                }
            }
            try json.finish()
            return request
        }
    }

    private static func read(
        _ name: String, _ json: inout JSONReader, _ signature: ModelSignature, _ request: inout InferenceRequest
    ) throws(ServingError) {
        if try json.skipNull() { return }
        guard let index = signature.inputs.firstIndex(where: { $0.name == name }) else {
            guard !name.hasPrefix("triton_") else {
                throw Place.request.error("parameter \"\(name)\": names that begin with \"triton_\" are reserved")
            }
            guard let value = try json.readParameter() else {
                let names = signature.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
                throw json.unexpected(
                    "\"\(name)\" isn't an input (\(names)), so it is a parameter", "a string, a number or a boolean",
                    .request)
            }
            request.parameters[name] = value
            return
        }
        let (spec, place) = (signature.inputs[index], Place.input(name, index: index))
        let value = try json.takeNested("value", of: place)
        let shape = try shape(of: spec, for: value.shape, place)
        request.inputs.append(NamedTensor(name, try json.tensor(spec.dataType, shape, from: value, of: place)))
    }

    /// The shape that a value has as an input.
    private static func shape(of spec: TensorSpec, for found: Shape, _ place: Place) throws(ServingError) -> Shape {
        if spec.hasAnyShape { return found }
        if found.rank > 1 {
            let shapes = [found, Shape([1] + found.dimensions)]
            guard let shape = shapes.first(where: spec.admits) else {
                throw place.error("expected shape \(spec.shape), found \(found)")
            }
            return shape
        }
        let count = found.elementCount ?? 0
        var sizes = spec.shape.dimensions
        if sizes.count > 1, sizes.first == -1 { sizes[0] = 1 }
        let free = sizes.indices.filter { sizes[$0] == -1 }
        guard free.count <= 1 else {
            throw place.error("shape \(spec.shape) has several free sizes: give arrays in arrays")
        }
        if let index = free.first {
            sizes[index] = 1
            let rest = Shape(sizes).elementCount ?? 0
            if rest > 0 { sizes[index] = count / rest }
        }
        guard Shape(sizes).elementCount == count else {
            throw place.error("\(count) elements don't fit shape \(spec.shape) with batch 1")
        }
        return Shape(sizes)
    }

    /// Writes the body of a reply: each output by its name, one of a single element as a scalar.
    ///
    /// - Parameter response: What the model gave.
    /// - Returns: The body, one JSON object without line breaks.
    /// - Throws: ``ServingError`` if JSON has no place for an output.
    public static func encode(_ response: InferenceResponse) throws(ServingError) -> [UInt8] {
        var capacity = 64 + ByteWriter.width(of: response.model.name) + ByteWriter.width(of: .int64)
        if let id = response.id { capacity += ByteWriter.width(of: id) }
        var texts: [ElementText] = []
        for output in response.outputs {
            guard !["id", "model_name", "model_version"].contains(output.name) else {
                throw ServingError(
                    .unsupported, "output \"\(output.name)\" has the name of a member of the reply; ask by infer")
            }
            let text = try ElementText(output, binary: .refused)
            capacity += try text.capacity(of: output.name) + ByteWriter.width(of: output.name) + 4
            texts.append(text)
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            var writer = unsafe ByteWriter(target)
            writer.write("{\"model_name\":")
            writer.writeString(response.model.name)
            writer.write(",\"model_version\":\"")
            writer.write(response.model.version)
            writer.write("\"")
            if let id = response.id {
                writer.write(",\"id\":")
                writer.writeString(id)
            }
            for (output, text) in zip(response.outputs, texts) {
                let elements = output.tensor.elementCount
                writer.write(",")
                writer.writeString(output.name)
                writer.write(elements == 1 ? ":" : ":[")
                text.write(0..<elements, to: &writer)
                if elements != 1 { writer.write("]") }
            }
            writer.write("}")
            count = writer.count
        }
    }
}
