package import MantaCore
package import MantaProtocol

/// A request that was accepted, written and read once more.
package enum RoundTrip {
    /// A finding unless these tensors come back in this form as they are.
    ///
    /// - Parameters:
    ///   - inputs: The inputs of a request.
    ///   - id: Its id.
    ///   - form: The form that it wants its reply in.
    /// - Returns: False if the form has no place for them: JSON for bytes that aren't text.
    @discardableResult
    package static func check(_ inputs: [NamedTensor], id: String?, as form: ReplyForm) -> Bool {
        let response = InferenceResponse(model: ModelID(name: "m", version: 1), id: id, outputs: inputs)
        do throws(ServingError) {
            let (body, headerLength) = try InferenceCodec.encode(response, as: form)
            let request = request(from: body)
            let offset = body.count - request.count
            let back = try InferenceCodec.decode(
                request, headerLength: headerLength.map { $0 - offset },
                signature: ModelSignature(inputs: [], outputs: []))
            expect(back.request.id == id, "the id comes back as \(back.request.id ?? "none")")
            inputs.checkEqual(to: back.request.inputs, "written and read again")
            return true
        } catch {
            let isBinary = inputs.contains { tensor in
                tensor.tensor.elements.contains { String(validating: $0, as: UTF8.self) == nil }
            }
            expect(isBinary, "what was read can't be written and read again: \(error.message)")
            return false
        }
    }

    /// A reply names its tensors outputs, a request inputs; everything else is the same in both.
    private static func request(from reply: [UInt8]) -> [UInt8] {
        let outputs = Array("\"outputs\":[".utf8)
        guard let range = reply.firstRange(of: outputs) else { finding("a reply without outputs") }
        return reply[..<range.lowerBound] + Array("\"inputs\":[".utf8) + reply[range.upperBound...]
    }
}
