import MantaCore
import Testing

@Suite("Inputs against a signature")
struct BindingTests {
    private let signature = ModelSignature(
        inputs: [
            TensorSpec("a", .fp32, [-1, 2]), TensorSpec("b", .int64, [-1]),
            TensorSpec("c", .bool, [], isOptional: true),
        ],
        outputs: [TensorSpec("y", .fp32, [-1]), TensorSpec("z", .fp32, [-1])])
    private let a = NamedTensor("a", Tensor(shape: [1, 2], [1, 2] as [Float]))
    private let b = NamedTensor("b", Tensor(shape: [1], [1] as [Int64]))

    private func message(_ inputs: [NamedTensor]) -> String? {
        do {
            _ = try signature.bind(inputs)
            return nil
        } catch {
            #expect(error.code == .invalidRequest)
            return error.message
        }
    }

    @Test("inputs come into the model's order; an optional one may be left out")
    func order() throws {
        let bound = try signature.bind([b, a])

        #expect(bound.map { $0?.dataType } == [.fp32, .int64, nil])
    }

    @Test("an input that the model doesn't have is named, with those it has")
    func unknown() {
        #expect(
            message([a, b, NamedTensor("d", b.tensor)])
                == "input \"d\": the model has no such input; it has \"a\", \"b\", \"c\"")
    }

    @Test("an input given twice is named")
    func twice() {
        #expect(message([a, b, a]) == "input \"a\": given twice")
    }

    @Test("a missing input is named, with what is expected")
    func missing() {
        #expect(message([a]) == "input \"b\" is missing: expected INT64 [-1]")
    }

    @Test("a wrong type is named, with both types")
    func type() {
        #expect(
            message([a, NamedTensor("b", Tensor(shape: [1], [1] as [Int32]))])
                == "input \"b\": expected datatype INT64, got INT32")
    }

    @Test("a wrong shape is named, with both shapes")
    func shape() {
        #expect(
            message([NamedTensor("a", Tensor(shape: [2, 1], [1, 2] as [Float])), b])
                == "input \"a\": expected shape [-1, 2], got [2, 1]")
    }

    @Test("outputs come in the order asked for, all of them if none is")
    func outputs() throws {
        #expect(try signature.outputIndices([]) == [0, 1])
        #expect(try signature.outputIndices(["z", "y"]) == [1, 0])
        #expect(throws: ServingError.self) { try signature.outputIndices(["q"]) }
        #expect(throws: ServingError.self) { try signature.outputIndices(["y", "y"]) }
    }
}

@Suite("Tensors of any shape")
struct AnyShapeTests {
    private let open = ModelSignature(inputs: [.ofAnyShape("x", .fp32)], outputs: [.ofAnyShape("y", .fp32)])
    private let closed = ModelSignature(
        inputs: [TensorSpec("x", .fp32, [-1])], outputs: [TensorSpec("y", .fp32, [-1])])

    @Test("an input whose shape is left open takes every shape", arguments: [[], [0], [3], [2, 3, 4]] as [Shape])
    func binds(shape: Shape) throws {
        let tensor = Tensor(shape: shape, [Float](repeating: 1, count: shape.elementCount ?? 0))

        #expect(try open.bind([NamedTensor("x", tensor)])[0]?.shape == shape)
        #expect(open.inputs[0].shape == [-1])
    }

    @Test("an input may become open and an output may not, since clients would be surprised")
    func changes() {
        var inputOpened = closed
        inputOpened.inputs = open.inputs
        var outputOpened = closed
        outputOpened.outputs = open.outputs

        #expect(inputOpened.obstacle(toServingClientsOf: closed) == nil)
        #expect(
            closed.obstacle(toServingClientsOf: inputOpened)
                == "its signature has changed: input \"x\" was of any shape and is [-1] now")
        #expect(
            outputOpened.obstacle(toServingClientsOf: closed)
                == "its signature has changed: output \"y\" was [-1] and is of any shape now")
        #expect(open.obstacle(toServingClientsOf: open) == nil)
    }
}
