import MantaCore
import MantaProtocol
import Testing

@Suite("Requests with binary tensors")
struct BinaryTests {
    private func input(_ name: String, _ type: DataType, _ shape: Shape, size: Int) -> String {
        #"{"name":"\#(name)","shape":\#(shape),"datatype":"\#(type.rawValue)","parameters":{"binary_data_size":\#(size)}}"#
    }

    @Test("the bytes follow the JSON in the order of the inputs, mixed with JSON tensors")
    func mixed() throws {
        let json =
            "{\"inputs\":[\(input("a", .int16, [2], size: 4)),"
            + #"{"name":"b","shape":[1],"datatype":"FP32","data":[0.5]},"#
            + "\(input("c", .bool, [3], size: 3)),\(input("d", .fp64, [0], size: 0))]}"

        let request = try decode(json, [1, 0, 0, 0x80, 1, 0, 1]).request

        #expect(request.inputs.map(\.name) == ["a", "b", "c", "d"])
        #expect(request.inputs[0].tensor.values(as: Int16.self) == [1, .min])
        #expect(request.inputs[1].tensor.values(as: Float.self) == [0.5])
        #expect(request.inputs[2].tensor.values(as: Bool.self) == [true, false, true])
        #expect(request.inputs[3].tensor.byteCount == 0)
    }

    @Test("every type keeps its bytes", arguments: DataType.allCases.filter { $0 != .bytes })
    func types(type: DataType) throws {
        let bytes = (0..<6 * (type.byteWidth ?? 1)).map { type == .bool ? UInt8($0 % 2) : UInt8(200 + $0) }

        let tensor = try decode("{\"inputs\":[\(input("x", type, [2, 3], size: bytes.count))]}", bytes)
            .request.inputs[0].tensor

        #expect(tensor.dataType == type)
        #expect(tensor.shape == [2, 3])
        #expect(tensor.bytes == bytes)
        #expect(unsafe tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } % 64 == 0)
    }

    @Test("BYTES elements may hold any bytes")
    func texts() throws {
        let bytes: [UInt8] = [2, 0, 0, 0, 0xFF, 0, 0, 0, 0, 0]

        let tensor = try decode("{\"inputs\":[\(input("x", .bytes, [2], size: 10))]}", bytes).request.inputs[0].tensor

        #expect(tensor.elements == [[0xFF, 0], []])
    }

    @Test(
        "sizes that don't fit are refused",
        arguments: [
            (.fp32, [2], 4, 4, #"input "x": binary_data_size is 4, but FP32 [2] takes 8 bytes"#),
            (
                .fp32, [2], 8, 7,
                #"input "x": binary_data_size is 8, but the body has 7 bytes left for it; the header "#
                    + "Inference-Header-Content-Length says where they begin"
            ),
            (.fp32, [2], 8, 9, "9 bytes follow the JSON, but the inputs' binary_data_size add up to 8"),
            (
                .fp64, [1 << 60, 4], 8, 8,
                #"input "x": binary_data_size is 8, but FP64 [1152921504606846976, 4] takes more bytes than can be counted"#
            ),
            (
                .int8, [1 << 40, 1 << 40], 8, 8,
                #"input "x": shape [1099511627776, 1099511627776] has more elements than can be counted"#
            ),
            (.bool, [2], 2, 2, #"input "x": element 0: expected the byte 0 or 1, since it is BOOL, found 7"#),
            (
                .bytes, [1], 6, 6,
                #"input "x": its 6 bytes aren't 1 BYTES elements, each a length in 4 bytes and so many bytes"#
            ),
        ] as [(DataType, Shape, Int, Int, String)])
    func sizes(type: DataType, shape: Shape, size: Int, available: Int, message: String) {
        let json = "{\"inputs\":[\(input("x", type, shape, size: size))]}"

        #expect(
            refusal { () throws(ServingError) in _ = try decode(json, [UInt8](repeating: 7, count: available)) }
                == message)
    }

    @Test("the header's length lies within the body", arguments: [-1, 15])
    func headerLength(length: Int) {
        let message = refusal { () throws(ServingError) in
            _ = try InferenceCodec.decode(Array(#"{"inputs":[]}x"#.utf8), headerLength: length, signature: oneInput)
        }

        #expect(
            message
                == "header Inference-Header-Content-Length: expected 0 to 14, the size of the body, got \(length)")
    }

    @Test("the header may say that all is JSON")
    func allJSON() throws {
        #expect(try decode(#"{"inputs":[]}"#, []).request.inputs.isEmpty)
    }

    @Test("outputs come in the form asked for, each")
    func outputForms() throws {
        let outputs = ["a", "b", "c"].map { NamedTensor($0, Tensor(shape: [1], [1] as [UInt8])) }
        let json = #"""
            {"inputs":[],"parameters":{"binary_data_output":true,"timeout":5},"outputs":[{"name":"a"},
            {"name":"b","parameters":{"binary_data":false}},{"name":"c","parameters":{"binary_data":true}}]}
            """#

        let decoded = try decode(json)
        let encoded = try encode(outputs, as: decoded.reply)

        #expect(decoded.request.outputs == ["a", "b", "c"])
        #expect(decoded.request.parameters == ["timeout": .integer(5)])
        #expect(encoded.json.contains(#""name":"b","datatype":"UINT8","shape":[1],"data":[1]}"#))
        #expect(encoded.binary == [1, 1])
    }
}

@Suite("Requests without JSON")
struct RawRequestTests {
    private func raw(_ body: [UInt8], _ inputs: TensorSpec...) throws(ServingError) -> (Tensor, ReplyForm) {
        let decoded = try InferenceCodec.decode(
            body, headerLength: 0, signature: ModelSignature(inputs: inputs, outputs: []))
        return (decoded.request.inputs[0].tensor, decoded.reply)
    }

    @Test(
        "the first free size is 1, and another follows from the body",
        arguments: [
            ([-1, 2], 8, [1, 2]), ([2], 8, [2]), ([-1, -1, 2], 16, [1, 2, 2]), ([2, -1], 8, [2, 1]),
            ([-1], 4, [1]), ([], 4, []), ([-1, -1], 0, [1, 0]),
        ] as [(Shape, Int, Shape)])
    func shapes(spec: Shape, size: Int, shape: Shape) throws {
        let (tensor, _) = try raw([UInt8](repeating: 1, count: size), TensorSpec("x", .fp32, spec))

        #expect(tensor.shape == shape)
        #expect(tensor.bytes == [UInt8](repeating: 1, count: size))
    }

    @Test("a BYTES input is one element, the whole body")
    func text() throws {
        let (tensor, _) = try raw(Array("hello".utf8), TensorSpec("x", .bytes, [-1, 1]))

        #expect(tensor.shape == [1, 1])
        #expect(tensor.texts == ["hello"])
    }

    @Test("all outputs come back in binary")
    func reply() throws {
        let (_, form) = try raw([0, 0, 0, 0], TensorSpec("x", .fp32, [1]))

        #expect(try encode([NamedTensor("y", Tensor(shape: [1], [5] as [UInt8]))], as: form).binary == [5])
    }

    @Test(
        "a body that doesn't fit is refused",
        arguments: [
            ([TensorSpec("x", .fp32, [-1, 2])], 7, #"input "x": the body's 7 bytes aren't FP32 [1, 2]"#),
            ([TensorSpec("x", .fp32, [-1, -1, 2])], 12, #"input "x": the body's 12 bytes aren't FP32 [1, -1, 2]"#),
            (
                [TensorSpec("x", .fp32, [1 << 40, 1 << 40])], 8,
                "input \"x\": the body's 8 bytes aren't FP32 [1099511627776, 1099511627776]"
            ),
            (
                [TensorSpec("x", .fp32, [1, -1, -1])], 8,
                #"input "x": a body without JSON can't tell the 2 free sizes of [1, -1, -1] apart; say the shape in JSON"#
            ),
            (
                [TensorSpec("x", .bytes, [-1, 2])], 8,
                #"input "x": a body without JSON is one BYTES element, but the model takes shape [-1, 2]"#
            ),
            (
                [TensorSpec("x", .fp32, [1]), TensorSpec("z", .fp32, [1])], 8,
                "header Inference-Header-Content-Length is 0, so the body is the model's one input; this model has 2"
            ),
            (
                [TensorSpec("x", .bool, [1])], 1,
                #"input "x": element 0: expected the byte 0 or 1, since it is BOOL, found 9"#
            ),
        ] as [([TensorSpec], Int, String)])
    func misfits(inputs: [TensorSpec], size: Int, message: String) {
        let refused = refusal { () throws(ServingError) in
            _ = try InferenceCodec.decode(
                [UInt8](repeating: 9, count: size), headerLength: 0,
                signature: ModelSignature(inputs: inputs, outputs: []))
        }

        #expect(refused == message)
    }
}
