import MantaCore
import MantaProtocol
import Testing

private let iris = ModelSignature(
    inputs: [TensorSpec("X", .fp32, [-1, 4])], outputs: [TensorSpec("label", .int64, [-1])])
private let pair = ModelSignature(
    inputs: [TensorSpec("left", .int64, [-1, 1]), TensorSpec("right", .fp32, [-1, 2])],
    outputs: [TensorSpec("sum", .fp32, [-1, 2]), TensorSpec("name", .bytes, [-1])])
private let strings = ModelSignature(
    inputs: [TensorSpec("text", .bytes, [-1])], outputs: [TensorSpec("text", .bytes, [-1])])

private func prediction(
    _ json: String, _ signature: ModelSignature
) throws(ServingError) -> (request: InferenceRequest, form: PredictCodec.Form) {
    try PredictCodec.decode(Array(json.utf8), signature: signature)
}

private func reply(_ outputs: [NamedTensor], _ form: PredictCodec.Form) throws(ServingError) -> String {
    let response = InferenceResponse(model: ModelID(name: "m", version: 1), outputs: outputs)
    return String(decoding: try PredictCodec.encode(response, as: form), as: UTF8.self)
}

@Suite("Bodies of predict")
struct PredictTests {
    @Test("rows of a single input are one tensor, whose shape is that of the arrays")
    func rows() throws {
        // As KServe's documentation has it.
        let (request, form) = try prediction(
            #"{"instances": [[6.8,  2.8,  4.8,  1.4], [6.0,  3.4,  4.5,  1.6]]}"#, iris)

        #expect(form == .rows(2))
        #expect(request.inputs.map(\.name) == ["X"])
        #expect(request.inputs[0].tensor.shape == [2, 4])
        #expect(request.inputs[0].tensor.values() == [6.8, 2.8, 4.8, 1.4, 6, 3.4, 4.5, 1.6] as [Float])
    }

    @Test("rows that name their inputs, in any order, become a tensor for each")
    func namedRows() throws {
        let (request, form) = try prediction(
            #"{"instances":[{"left":1,"right":[0.5,1]},{"right":[2,3],"left":-4}],"signature_name":"x"}"#, pair)

        #expect(form == .rows(2))
        #expect(request.inputs.map(\.tensor.shape) == [[2, 1], [2, 2]])
        #expect(request.inputs[0].tensor.values() == [1, -4] as [Int64])
        #expect(request.inputs[1].tensor.values() == [0.5, 1, 2, 3] as [Float])
    }

    @Test("columns are whole tensors")
    func columns() throws {
        let (request, form) = try prediction(#"{"inputs":{"left":[1,2,3],"right":[[1,2],[3,4],[5,6]]}}"#, pair)
        let (single, _) = try prediction(#"{"inputs":[[1,2,3,4]]}"#, iris)

        #expect(form == .columns)
        #expect(request.inputs.map(\.tensor.shape) == [[3, 1], [3, 2]])
        #expect(single.inputs[0].tensor.shape == [1, 4])
    }

    @Test("strings may be written as Base64, which holds any bytes")
    func base64() throws {
        for json in [
            #"{"instances":["a",{"b64":"/wA="}]}"#, #"{"instances":[{"text":"a"},{"text":{"b64":"/wA="}}]}"#,
            #"{"inputs":["a",{"b64":"/wA="}]}"#,
        ] {
            let tensor = try prediction(json, strings).request.inputs[0].tensor
            #expect(tensor.shape == [2])
            #expect(tensor.elements == [[0x61], [0xFF, 0]])
        }
        let first = try prediction(#"{"instances":[{"b64":"YQ=="}]}"#, strings).request.inputs[0].tensor
        #expect(first.elements == [[0x61]])
    }

    @Test(
        "what is wrong is named, with its place",
        arguments: [
            (#"{}"#, iris, #"expected "instances" or "inputs", found neither"#),
            (#"{"instances":[[1]],"inputs":[1]}"#, iris, #"expected one of "instances" and "inputs", once"#),
            (#"{"instances":5}"#, iris, "instances: expected an array, found 5"),
            (#"{"instances":[]}"#, iris, "instances: expected at least one"),
            (
                #"{"instances":[[1,2,3,4],[1,2,3]]}"#, iris,
                #"input "X": instances[1]: has 3 elements, but the first array beside it has 4"#
            ),
            (
                #"{"instances":[[1,2],[[3],[4]]]}"#, iris,
                #"input "X": instances[1][0][0]: is nested 3 deep, but what comes before it 2"#
            ),
            (
                #"{"instances":[[1,2],[]]}"#, iris,
                #"input "X": instances[1]: has 0 elements, but the first array beside it has 2"#
            ),
            (
                #"{"instances":[[1,2,3,"4"]]}"#, iris,
                #"input "X": element 3: expected a number in the range of FP32, found "4""#
            ),
            (
                #"{"instances":[[1,2]]}"#, pair,
                #"instances[0]: the model has 2 inputs, so expected an object of "left", "right""#
            ),
            (
                #"{"instances":[{"left":1},{"middle":2}]}"#, pair,
                #"instances[1]: the model has no input "middle"; it has "left", "right""#
            ),
            (
                #"{"instances":[{"left":1},{"left":2,"right":[1,2]}]}"#, pair,
                #"instances[1]: input "right" is missing in the instances before"#
            ),
            (
                #"{"instances":[{"left":1,"right":[1,2]},{"left":2}]}"#, pair,
                #"instances[1]: input "right" is missing"#
            ),
            (#"{"instances":[{"left":1,"left":2}]}"#, pair, #"instances[0]: input "left" is given twice"#),
            (
                #"{"instances":[{"right":[1,2]},{"right":[1,2,3]}]}"#, pair,
                #"instances[1]: input "right" has shape [3], that of the first instance [2]"#
            ),
            (
                #"{"instances":[{"left":1},{"left":0.5}]}"#, pair,
                #"instances[1]: input "left": expected an integer from -9223372036854775808 to 9223372036854775807, "#
                    + "since it is INT64, found 0.5"
            ),
            (#"{"instances":[{"left":1},7]}"#, pair, #"instances[1]: expected an object of "left", "right", found 7"#),
            (
                #"{"instances":["a",{"b64":"?"}]}"#, strings,
                #"input "text": expected an object {"b64": …} with Base64, found another at byte 18"#
            ),
            (
                #"{"instances":[["a","b"]"#, strings,
                "malformed JSON at byte 23: the text ends before its object is closed"
            ),
        ])
    func refusals(json: String, signature: ModelSignature, message: String) {
        #expect { try prediction(json, signature) } throws: { error in
            let error = error as? ServingError
            #expect(error?.message == message)
            return error?.code == .invalidRequest
        }
    }

    @Test("arrays nested without end are refused")
    func depth() {
        let json = #"{"instances":"# + String(repeating: "[", count: 100_000) + "}"

        #expect { try prediction(json, iris) } throws: { error in
            (error as? ServingError)?.message == #"input "X": instances: expected at most 64 arrays in each other"#
                || (error as? ServingError)?.message.contains("arrays in each other") == true
        }
    }

    @Test("predictions come row by row, outputs as a whole, a single one without its name")
    func replies() throws {
        let sum = NamedTensor("sum", Tensor(shape: [2, 2], [0.5, 1, -3, 4] as [Float]))
        let name = NamedTensor("name", Tensor(shape: [2], strings: ["a", "b"]))

        #expect(try reply([sum], .rows(2)) == #"{"predictions":[[0.5,1],[-3,4]]}"#)
        #expect(try reply([name], .rows(2)) == #"{"predictions":["a","b"]}"#)
        #expect(
            try reply([sum, name], .rows(2))
                == #"{"predictions":[{"sum":[0.5,1],"name":"a"},{"sum":[-3,4],"name":"b"}]}"#)
        #expect(try reply([sum], .columns) == #"{"outputs":[[0.5,1],[-3,4]]}"#)
        #expect(
            try reply([sum, name], .columns) == #"{"outputs":{"sum":[[0.5,1],[-3,4]],"name":["a","b"]}}"#)
        #expect(try reply([NamedTensor("s", Tensor(shape: [], [7] as [Int64]))], .columns) == #"{"outputs":7}"#)
        let empty = NamedTensor("e", Tensor(shape: [2, 0], [] as [Int64]))
        #expect(try reply([empty], .rows(2)) == #"{"predictions":[[],[]]}"#)
    }

    @Test("bytes that are no text are Base64, and those of outputs whose names say so")
    func binaryReplies() throws {
        let bytes = Tensor(shape: [2], elements: [[0xFF, 0], [0x61]])
        let text = Tensor(shape: [1], strings: ["a"])

        #expect(try reply([NamedTensor("y", bytes)], .columns) == #"{"outputs":[{"b64":"/wA="},{"b64":"YQ=="}]}"#)
        #expect(try reply([NamedTensor("y_bytes", text)], .columns) == #"{"outputs":[{"b64":"YQ=="}]}"#)
    }

    @Test("an output without a row for each instance can't be cut into predictions")
    func unevenRows() {
        let scalar = NamedTensor("s", Tensor(shape: [], [7] as [Int64]))

        #expect { try reply([scalar], .rows(2)) } throws: {
            ($0 as? ServingError)?.message
                == #"output "s" has shape [], so there is no prediction for each of 2 instances; send them as "inputs""#
        }
    }

    @Test("a shape without elements doesn't make endless text")
    func emptyButLarge() {
        let tensor = NamedTensor("y", Tensor(shape: [1 << 30, 0], [] as [Int64]))

        #expect { try reply([tensor], .columns) } throws: { ($0 as? ServingError)?.code == .unsupported }
    }
}
