import MantaCore
import MantaONNX
import Testing

@Suite("What can't be loaded or run")
struct FailureTests {
    private func loadError(_ name: String) -> ServingError? {
        #expect(throws: ServingError.self) { try Fixture.model(name) }
    }

    @Test(
        "a file that is no usable model is refused with the reason",
        arguments: [
            ("no_such_file", "there is no such file"),
            ("text", "it is not an ONNX model, or it is cut off"),
            ("truncated", "it is not an ONNX model, or it is cut off"),
            ("empty", "ModelProto does not have a graph."),
        ])
    func unusableFile(name: String, reason: String) throws {
        let error = try #require(loadError(name))

        #expect(error.code == .modelUnavailable)
        #expect(error.message == "model file \"\(Fixture.path(name))\": \(reason)")
        #expect(error.cause != nil)
    }

    @Test(
        "what the runtime lacks is named",
        arguments: [
            ("future_opset", "opset 999"), ("unknown_operator", "NoSuchOperator"),
            ("external_missing", "nowhere.weights"),
        ])
    func lacking(name: String, word: String) throws {
        let error = try #require(loadError(name))

        #expect(error.code == .modelUnavailable)
        #expect(error.message.hasPrefix("model file \"\(Fixture.path(name))\": "))
        #expect(error.message.contains(word))
        #expect(!error.message.contains("onnxruntime::"))
    }

    @Test(
        "a model whose inputs or outputs aren't tensors is refused by their name and kind",
        arguments: [
            (
                "zipmap",
                "output \"output_probability\" is a sequence of maps (ZipMap); export the model with zipmap=False"
            ),
            ("sequence_output", "output \"parts\" is a sequence; only tensors can be served"),
            ("sequence_input", "input \"parts\" is a sequence; only tensors can be served"),
            ("optional_input", "input \"maybe\" is of an optional type; only tensors can be served"),
            ("float8", "output \"y\" has the element type float8e4m3fn, which can't be served"),
        ])
    func notTensors(name: String, reason: String) throws {
        let error = try #require(loadError(name))

        #expect(error.code == .modelUnavailable)
        #expect(error.message == "model file \"\(Fixture.path(name))\": \(reason)")
    }

    @Test("a failed run says why, and the model stays usable")
    func failedRun() throws {
        let model = try Fixture.model("gather")

        for _ in 0..<100 {
            let error = #expect(throws: ServingError.self) {
                try model.run([Tensor(shape: [2], [0, 7] as [Int64])], outputs: [0])
            }
            #expect(error?.code == .engineFailed)
            #expect(
                error?.message == "the model's run failed: a node of type Gather: indices element out of data bounds, "
                    + "idx=7 must be within the inclusive range [-3,2]")
        }

        let outputs = try model.run([Tensor(shape: [2], [0, 2] as [Int64])], outputs: [0])
        #expect(outputs[0].values(as: Float.self) == [10, 30])
    }

    @Test("a failure inside the runtime is told without its source's places")
    func failureWithoutNoise() throws {
        let model = try Fixture.model("reshape")
        let x = Tensor(shape: [3], [1, 2, 3] as [Float])

        let error = #expect(throws: ServingError.self) {
            try model.run([x, Tensor(shape: [2], [2, 2] as [Int64])], outputs: [0])
        }

        #expect(
            error?.message == "the model's run failed: a node of type Reshape: The input tensor cannot be reshaped to "
                + "the requested shape. Input shape:{3}, requested shape:{2,2}")
    }

    @Test("a tensor of a wrong type or shape, or with false lengths, is refused and not read")
    func wrongTensors() throws {
        let fixed = try Fixture.model("fixed")
        let texts = try Fixture.model("identity_bytes")
        let falseLength = unsafe Tensor(.bytes, shape: [1, 1], byteCount: 4) {
            unsafe $0.storeBytes(of: 100, as: UInt32.self)
        }

        for (model, input) in [
            (fixed, Tensor(shape: [2, 3], [1, 2, 3, 4, 5, 6] as [Int32])),
            (fixed, Tensor(shape: [3, 2], [1, 2, 3, 4, 5, 6] as [Float])),
            (fixed, nil),
            (texts, falseLength),
        ] {
            let error = #expect(throws: ServingError.self) { try model.run([input], outputs: [0]) }
            #expect(error?.code == .engineFailed)
        }
    }
}
