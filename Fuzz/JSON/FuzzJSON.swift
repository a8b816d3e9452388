import FuzzKit
import MantaCore
import MantaProtocol

/// Reads the input as the body of an inference request in JSON.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let body = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do throws(ServingError) {
        let (request, form) = try InferenceCodec.decode(
            body, headerLength: nil, signature: ModelSignature(inputs: [], outputs: []))
        expect(JSONGrammar.depth(of: body) != nil, "text was accepted that isn't JSON")
        for input in request.inputs { input.tensor.check() }
        expect(RoundTrip.check(request.inputs, id: request.id, as: ReplyForm()), "JSON has no place for what it held")
        RoundTrip.check(request.inputs, id: request.id, as: form)
    } catch {
        error.checkRefusal()
        if error.message.hasPrefix("malformed JSON"), !error.message.hasSuffix(" deep") {
            expect(JSONGrammar.depth(of: body) == nil, "JSON was refused: \(error.message)")
        }
    }
    return 0
}
