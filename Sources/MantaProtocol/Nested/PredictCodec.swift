public import MantaCore

/// The bodies of version 1 of KServe's protocol, which is that of TensorFlow Serving: `instances` or `inputs` in,
/// `predictions` or `outputs` out, arrays in arrays without shapes and types.
///
/// ```swift
/// let (request, form) = try PredictCodec.decode(body, signature: model.signature)
/// let reply = try PredictCodec.encode(try await version.infer(request), as: form)
/// ```
public enum PredictCodec {
    /// How tensors stand in bodies.
    public enum Form: Sendable, Hashable {
        /// Row by row: `instances` and `predictions`, of which there are so many.
        case rows(Int)
        /// Each tensor as a whole: `inputs` and `outputs`.
        case columns
    }

    /// Reads the body of a request.
    ///
    /// - Parameters:
    ///   - body: The whole body.
    ///   - signature: What the model takes.
    /// - Returns: The request, and the form that its reply has.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names what is wrong.
    public static func decode(
        _ body: [UInt8], signature: ModelSignature
    ) throws(ServingError) -> (request: InferenceRequest, form: Form) {
        try unsafe body.withUnsafeBufferPointer { bytes throws(ServingError) in
            var json = try unsafe JSONReader(bytes)
            return try PredictReader.read(&json, signature)
        }
    }

    /// Writes the body of a reply.
    ///
    /// A single output stands without its name. BYTES that aren't UTF-8, and those of outputs whose names end in
    /// `_bytes`, are `{"b64": "…"}`.
    ///
    /// - Parameters:
    ///   - response: What the model gave.
    ///   - form: The form of the request.
    /// - Returns: The body.
    /// - Throws: ``ServingError`` with code `unsupported` if an output can't be cut into as many rows as there were
    ///   instances.
    public static func encode(_ response: InferenceResponse, as form: Form) throws(ServingError) -> [UInt8] {
        var columns: [Column] = []
        for output in response.outputs { columns.append(try Column(output)) }
        var capacity = 32 + columns.reduce(0) { $0 + $1.capacity }
        if case .rows(let count) = form {
            for output in response.outputs where output.tensor.rowCount != count {
                throw ServingError(
                    .unsupported,
                    "output \"\(output.name)\" has shape \(output.tensor.shape), so there is no prediction for each of "
                        + "\(count) instances; send them as \"inputs\"")
            }
            // Brackets and names of each row.
            capacity += count * columns.reduce(4) { $0 + ByteWriter.width(of: $1.name) + 4 }
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            var writer = unsafe ByteWriter(target)
            switch form {
            case .columns:
                writer.write("{\"outputs\":")
                write(columns, to: &writer) { $0.text.writeNested(to: &$1) }
            case .rows(let rows):
                writer.write("{\"predictions\":[")
                for row in 0..<rows {
                    if row > 0 { writer.write(",") }
                    write(columns, to: &writer) { $0.text.writeRow(row, to: &$1) }
                }
                writer.write("]")
            }
            writer.write("}")
            count = writer.count
        }
    }

    /// An output and its elements.
    private struct Column {
        let name: String
        let text: ElementText
        let capacity: Int

        init(_ output: NamedTensor) throws(ServingError) {
            name = output.name
            text = try ElementText(output, binary: name.hasSuffix("_bytes") ? .always : .ifNeeded)
            capacity = try text.capacity(of: name) + ByteWriter.width(of: name) + 4
        }
    }

    /// Writes what `body` writes of each column, with names if there are several.
    private static func write(
        _ columns: [Column], to writer: inout ByteWriter, _ body: (Column, inout ByteWriter) -> Void
    ) {
        if columns.count == 1 { return body(columns[0], &writer) }
        writer.write("{")
        for (index, column) in columns.enumerated() {
            if index > 0 { writer.write(",") }
            writer.writeString(column.name)
            writer.write(":")
            body(column, &writer)
        }
        writer.write("}")
    }
}
