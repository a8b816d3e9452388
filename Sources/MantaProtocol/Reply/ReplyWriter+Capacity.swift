internal import MantaCore

extension ReplyWriter {
    /// The most bytes that a reply takes.
    ///
    /// - Throws: ``ServingError`` if a text can't be written as JSON.
    static func capacity(for response: InferenceResponse, as form: ReplyForm) throws(ServingError) -> Int {
        // The names of members and the brackets around them take less than 80 bytes, here and in each output.
        var size = 80 + ByteWriter.width(of: response.model.name) + ByteWriter.width(of: .int64)
        if let id = response.id { size += ByteWriter.width(of: id) }
        for output in response.outputs {
            let tensor = output.tensor
            // The shape's sizes and the size in bytes.
            size += 80 + ByteWriter.width(of: output.name) + ByteWriter.width(of: .int64) * (tensor.shape.rank + 1)
            if let slice = output.slice {
                size += 80 + ByteWriter.width(of: slice.region) + 2 * ByteWriter.width(of: .int64)
            } else if form.isBinary(output) {
                size += tensor.byteCount
            } else if tensor.dataType == .bytes {
                size += try textCapacity(output)
            } else {
                size += ByteWriter.width(of: tensor.dataType) * tensor.elementCount
            }
        }
        return size
    }

    private static func textCapacity(_ output: NamedTensor) throws(ServingError) -> Int {
        try unsafe output.tensor.withUnsafeBytes { bytes throws(ServingError) in
            guard let ranges = unsafe Tensor.elementRanges(in: bytes, count: output.tensor.elementCount) else {
                throw ServingError(.internal, "output \"\(output.name)\": its bytes don't fit its shape")
            }
            var size = 0
            for (index, range) in ranges.enumerated() {
                guard let width = unsafe ByteWriter.width(of: UnsafeRawBufferPointer(rebasing: bytes[range])) else {
                    throw ServingError(
                        .invalidRequest,
                        "output \"\(output.name)\": element \(index) isn't UTF-8, so JSON can't hold it; "
                            + "ask for it in binary with the output's parameter \"binary_data\": true")
                }
                size += width + 1
            }
            return size
        }
    }
}
