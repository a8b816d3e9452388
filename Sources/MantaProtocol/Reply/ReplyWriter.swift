internal import MantaCore

/// Writes the body of a reply in one piece of memory: its size is reckoned first, by the most that each part can take.
enum ReplyWriter {
    /// Writes a reply; see ``InferenceCodec/encode(_:as:)``.
    static func write(
        _ response: InferenceResponse, as form: ReplyForm
    ) throws(ServingError) -> (body: [UInt8], headerLength: Int?) {
        let capacity = try capacity(for: response, as: form)
        var jsonLength = 0
        let body = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            var writer = unsafe ByteWriter(target)
            writeJSON(response, as: form, to: &writer)
            jsonLength = writer.count
            for output in response.outputs where form.isBinary(output) {
                unsafe output.tensor.withUnsafeBytes { unsafe writer.write($0) }
            }
            count = writer.count
        }
        return (body, body.count > jsonLength ? jsonLength : nil)
    }

    private static func writeJSON(_ response: InferenceResponse, as form: ReplyForm, to writer: inout ByteWriter) {
        writer.write("{\"model_name\":")
        writer.writeString(response.model.name)
        writer.write(",\"model_version\":\"")
        writer.write(response.model.version)
        writer.write("\"")
        if let id = response.id {
            writer.write(",\"id\":")
            writer.writeString(id)
        }
        writer.write(",\"outputs\":[")
        for (index, output) in response.outputs.enumerated() {
            if index > 0 { writer.write(",") }
            write(output, binary: form.isBinary(output), to: &writer)
        }
        writer.write("]}")
    }

    private static func write(_ output: NamedTensor, binary: Bool, to writer: inout ByteWriter) {
        let tensor = output.tensor
        writer.write("{\"name\":")
        writer.writeString(output.name)
        writer.write(",\"datatype\":\"")
        writer.write(tensor.dataType.jsonName)
        writer.write("\",\"shape\":[")
        for (index, size) in tensor.shape.dimensions.enumerated() {
            if index > 0 { writer.write(",") }
            writer.write(size)
        }
        if let slice = output.slice {
            writer.write("],\"parameters\":{\"shared_memory_region\":")
            writer.writeString(slice.region)
            writer.write(",\"shared_memory_byte_size\":")
            writer.write(slice.byteCount)
            if slice.offset != 0 {
                writer.write(",\"shared_memory_offset\":")
                writer.write(slice.offset)
            }
            writer.write("}}")
            return
        }
        if binary {
            writer.write("],\"parameters\":{\"binary_data_size\":")
            writer.write(tensor.byteCount)
            writer.write("}}")
            return
        }
        writer.write("],\"data\":[")
        unsafe tensor.withUnsafeBytes { bytes in
            if tensor.dataType == .bytes {
                unsafe writeTexts(bytes, count: tensor.elementCount, to: &writer)
            } else {
                unsafe writer.writeNumbers(bytes, tensor.dataType, count: tensor.elementCount)
            }
        }
        writer.write("]}")
    }

    private static func writeTexts(_ bytes: UnsafeRawBufferPointer, count: Int, to writer: inout ByteWriter) {
        // Checked when the size was reckoned.
        for (index, range) in (unsafe Tensor.elementRanges(in: bytes, count: count) ?? []).enumerated() {
            if index > 0 { writer.write(",") }
            let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            unsafe writer.writeString(text, width: ByteWriter.width(of: text) ?? 0)
        }
    }
}
