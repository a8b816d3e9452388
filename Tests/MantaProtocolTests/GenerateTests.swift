import MantaCore
import MantaProtocol
import Testing

private let text = ModelSignature(
    inputs: [
        TensorSpec("text_input", .bytes, [-1, 1]), TensorSpec("temperature", .fp32, [-1, 1], isOptional: true),
        TensorSpec("stop", .int32, [-1, -1], isOptional: true),
        TensorSpec("grid", .int64, [-1, 2, -1], isOptional: true),
    ],
    outputs: [TensorSpec("text_output", .bytes, [-1, 1])])

private func generation(_ json: String, _ signature: ModelSignature = text) throws(ServingError) -> InferenceRequest {
    try GenerateCodec.decode(Array(json.utf8), signature: signature)
}

@Suite("Bodies of generate")
struct GenerateTests {
    @Test("members that name an input are its tensor with batch 1, others are parameters")
    func members() throws {
        let request = try generation(
            #"{"id":"7","text_input":"hä","parameters":{"temperature":0.5,"stream":false,"top":3},"stop":[1,2],"seed":9}"#
        )

        #expect(request.id == "7")
        #expect(request.inputs.map(\.name) == ["text_input", "temperature", "stop"])
        #expect(request.inputs.map(\.tensor.shape) == [[1, 1], [1, 1], [1, 2]])
        #expect(request.inputs[0].tensor.elements == [Array("hä".utf8)])
        #expect(request.inputs[1].tensor.values() == [0.5] as [Float])
        #expect(request.inputs[2].tensor.values() == [1, 2] as [Int32])
        #expect(request.parameters == ["stream": .bool(false), "top": .integer(3), "seed": .integer(9)])
    }

    @Test(
        "values take the signature's shape, or have their own",
        arguments: [
            ("5", [-1], [1]), ("[5,6]", [-1], [2]), ("5", [], []), ("[5,6]", [2], [2]), ("[5,6]", [-1, 2], [1, 2]),
            ("[1,2,3,4]", [-1, 2, -1], [1, 2, 2]), ("[[1,2],[3,4]]", [-1, 2], [2, 2]),
            ("[[1,2,3],[4,5,6]]", [-1, -1, -1], [1, 2, 3]), ("[]", [-1], [0]), ("[]", [-1, -1], [1, 0]),
        ] as [(String, [Int], [Int])])
    func shapes(value: String, shape: [Int], expected: [Int]) throws {
        let signature = ModelSignature(inputs: [TensorSpec("x", .int64, Shape(shape))], outputs: [])

        let request = try generation("{\"x\":\(value)}", signature)

        #expect(request.inputs[0].tensor.shape == Shape(expected))
    }

    @Test(
        "where the model's author left the shape open, values keep theirs",
        arguments: [("5", []), ("[[5],[6]]", [2, 1])])
    func anyShape(value: String, expected: [Int]) throws {
        let signature = ModelSignature(inputs: [.ofAnyShape("x", .int64)], outputs: [])

        #expect(try generation("{\"x\":\(value)}", signature).inputs[0].tensor.shape == Shape(expected))
    }

    @Test("null leaves an optional input out")
    func null() throws {
        #expect(try generation(#"{"text_input":"a","temperature":null,"x":null}"#).inputs.count == 1)
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("", "the body is empty: expected a JSON object"),
            ("[1]", "the body: expected a JSON object, found ["),
            (#"{"text_input":1}"#, #"input "text_input": expected a string, since it is BYTES, found 1"#),
            (
                #"{"temperature":"hot"}"#,
                #"input "temperature": expected a number in the range of FP32, found "hot""#
            ),
            (
                #"{"stop":[1,2.5]}"#,
                #"input "stop": element 1: expected an integer from -2147483648 to 2147483647, since it is INT32, found 2.5"#
            ),
            (
                #"{"stop":{"a":1}}"#,
                #"input "stop": expected an integer from -2147483648 to 2147483647, since it is INT32, found an object"#
            ),
            (#"{"text_input":["a","b"]}"#, #"input "text_input": 2 elements don't fit shape [-1, 1] with batch 1"#),
            (
                #"{"text_input":[["a"],["b","c"]]}"#,
                #"input "text_input": value[1]: has 2 elements, but the first array beside it has 1"#
            ),
            (#"{"grid":[1,2,3]}"#, #"input "grid": 3 elements don't fit shape [-1, 2, -1] with batch 1"#),
            (#"{"grid":[[1],[2],[3]]}"#, #"input "grid": expected shape [-1, 2, -1], found [3, 1]"#),
            (
                #"{"other":[1]}"#,
                #""other" isn't an input ("text_input", "temperature", "stop", "grid"), so it is a parameter: "#
                    + "expected a string, a number or a boolean, found ["
            ),
            (
                #"{"triton_x":1}"#,
                #"parameter "triton_x": names that begin with "triton_" are reserved"#
            ),
            (#"{"text_input":"a"} x"#, "malformed JSON at byte 19: expected the end, found x"),
        ])
    func refusals(json: String, message: String) {
        #expect { try generation(json) } throws: { error in
            let error = error as? ServingError
            #expect(error?.message == message)
            return error?.code == .invalidRequest
        }
    }

    @Test("replies have each output by its name, and one element alone")
    func replies() throws {
        let response = InferenceResponse(
            model: ModelID(name: "m", version: 2), id: "7",
            outputs: [
                NamedTensor("text", Tensor(shape: [1, 1], strings: ["a \"b\""])),
                NamedTensor("scores", Tensor(shape: [1, 2], [0.5, -3] as [Float])),
                NamedTensor("none", Tensor(shape: [0], [] as [Int64])),
            ])

        let body = String(decoding: try GenerateCodec.encode(response), as: UTF8.self)

        #expect(
            body
                == #"{"model_name":"m","model_version":"2","id":"7","text":"a \"b\"","scores":[0.5,-3],"none":[]}"#)
    }

    @Test("an output that can't be told, or not in JSON, is an error that says so")
    func unspeakable() {
        let model = ModelID(name: "m", version: 2)
        let binary = InferenceResponse(
            model: model, outputs: [NamedTensor("y", Tensor(shape: [1], elements: [[0xFF]]))])
        let reserved = InferenceResponse(model: model, outputs: [NamedTensor("id", Tensor(shape: [1], [1] as [Int64]))])

        #expect { try GenerateCodec.encode(binary) } throws: {
            ($0 as? ServingError)?.message.contains("UTF-8") == true
        }
        #expect { try GenerateCodec.encode(reserved) } throws: { ($0 as? ServingError)?.code == .unsupported }
    }
}
