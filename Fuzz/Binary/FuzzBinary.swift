import FuzzKit
import MantaCore
import MantaProtocol

/// Reads the input as a request with binary tensors. Its first letter says what follows:
///
/// - `j`: the JSON, a zero, and the bytes behind it.
/// - `l`: what the header says the JSON's length is, as four bytes, then the body.
/// - `r`: a model's one input, as its datatype, its rank and its sizes in a byte each, then the body without JSON.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    switch input.first {
    case UInt8(ascii: "j"):
        let end = input.firstIndex(of: 0) ?? input.count
        check(Array(input[1..<end] + input.dropFirst(end + 1)), headerLength: end - 1)
    case UInt8(ascii: "l") where input.count > 4:
        let length = input[1...4].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        check(Array(input[5...]), headerLength: Int(length))
    case UInt8(ascii: "r") where input.count > 2:
        let types = DataType.allCases
        let sizes = input.dropFirst(3).prefix(Int(input[2] % 5)).map { max(-1, Int(Int8(bitPattern: $0))) }
        let spec = TensorSpec("x", types[Int(input[1]) % types.count], Shape(sizes))
        check(Array(input.dropFirst(3 + sizes.count)), headerLength: 0, spec)
    default: return -1  // not worth keeping
    }
    return 0
}

private func check(_ body: [UInt8], headerLength: Int, _ spec: TensorSpec? = nil) {
    do throws(ServingError) {
        let signature = ModelSignature(inputs: spec.map { [$0] } ?? [], outputs: [])
        let (request, form) = try InferenceCodec.decode(body, headerLength: headerLength, signature: signature)
        for input in request.inputs { input.tensor.check() }
        if let spec {
            let tensor = request.inputs[0].tensor
            expect(spec.shape.admits(tensor.shape), "\(tensor.shape) for the model's \(spec.shape)")
            expect(tensor.bytes.suffix(body.count) == body[...], "other bytes than the body's")
        } else {
            // What isn't JSON is the binary tensors, one after the other.
            let json = Array(body[..<headerLength])
            expect(JSONGrammar.depth(of: json) != nil, "text was accepted that isn't JSON")
        }
        RoundTrip.check(request.inputs, id: request.id, as: form)
        RoundTrip.check(request.inputs, id: request.id, as: ReplyForm())
    } catch {
        error.checkRefusal()
    }
}
