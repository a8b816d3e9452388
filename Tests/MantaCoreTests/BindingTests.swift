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
