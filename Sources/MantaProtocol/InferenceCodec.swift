package import MantaCore
package import MantaSharedMemory

/// The bodies of the Open Inference Protocol v2 over HTTP, with Triton's binary tensors: bytes in, bytes out.
///
/// ```swift
/// let decoded = try InferenceCodec.decode(body, headerLength: nil, signature: model.signature)
/// let response = try await version.infer(decoded.request)
/// let encoded = try InferenceCodec.encode(response, as: decoded.reply)
/// ```
package enum InferenceCodec {
    /// Reads the body of a request.
    ///
    /// Whether its inputs are the model's is for ``ModelSignature/bind(_:)`` to say.
    ///
    /// - Parameters:
    ///   - body: The whole body.
    ///   - headerLength: How many bytes of it are JSON, as `Inference-Header-Content-Length` says; `nil` for all. With 0
    ///     there is no JSON, and the body is the model's only input.
    ///   - signature: What the model takes; needed for a body without JSON.
    ///   - memory: The memory that clients share; `nil` if they may not.
    /// - Returns: The request, and the form its reply is wanted in.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names what is wrong, or `forbidden` if it names
    ///   shared memory and there is none.
    package static func decode(
        _ body: [UInt8], headerLength: Int?, signature: ModelSignature, memory: SharedMemory? = nil
    ) throws(ServingError) -> (request: InferenceRequest, reply: ReplyForm) {
        let jsonLength = headerLength ?? body.count
        guard (0...body.count).contains(jsonLength) else {
            throw ServingError(
                .invalidRequest,
                "header Inference-Header-Content-Length: expected 0 to \(body.count), the size of the body, "
                    + "got \(jsonLength)")
        }
        return try unsafe body.withUnsafeBufferPointer { bytes throws(ServingError) in
            if headerLength == 0 {
                let request = try unsafe RawRequest.read(UnsafeRawBufferPointer(bytes), signature: signature)
                return (request, ReplyForm(binary: true))
            }
            var json = try unsafe JSONReader(UnsafeBufferPointer(rebasing: bytes[..<jsonLength]))
            var binary = unsafe BinarySection(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[jsonLength...])))
            return try RequestReader.read(&json, binary: &binary, memory: memory)
        }
    }

    /// Writes the body of a reply.
    ///
    /// - Parameters:
    ///   - response: What the model gave.
    ///   - form: The form that the request asked for.
    /// - Returns: The body, and how many bytes of it are JSON if binary tensors follow; `nil` if it is all JSON.
    /// - Throws: ``ServingError`` with code `invalidRequest` if an output can't be written in the form asked for: JSON
    ///   has no place for BYTES that aren't UTF-8.
    package static func encode(
        _ response: InferenceResponse, as form: ReplyForm
    ) throws(ServingError) -> (body: [UInt8], headerLength: Int?) {
        try ReplyWriter.write(response, as: form)
    }
}
