import MantaCore
import MantaTestKit
import MantaWire
import Testing

@testable import MantaONNX

@Suite("Layer normalisation in steps")
struct LayerNormalizationTests {
    private static let steps = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul"]
    static let constants: [Onnx_TensorProto] = [
        .init("scale", [6], [1, -2, 0.5, 3, 0, 1]), .init("bias", [6], [0, 1, 2, 3, -4, 5]),
    ]

    static func graph(
        version: Int64 = 17, inputs: [String] = ["x", "scale", "bias"], attributes: [Onnx_AttributeProto] = [],
        constants: [Onnx_TensorProto] = Self.constants, before: [Onnx_NodeProto] = []
    ) throws -> GraphUnderTest {
        let nodes = before + [.init("LayerNormalization", inputs, "y", attributes)]
        let taken = Set(nodes.flatMap(\.input))
        return try GraphUnderTest(
            version: version, shape: [nil, nil, 6], constants: constants.filter { taken.contains($0.name) },
            nodes: nodes)
    }

    private func rows(_ shape: Shape, around center: Float = 0) -> Tensor {
        var generator = SeededGenerator(seed: 3)
        let count = shape.elementCount ?? 0
        return Tensor(shape: shape, (0..<count).map { _ in center + Float.random(in: -4...4, using: &generator) })
    }

    @Test("answers are those of the operator, for any number of rows", arguments: [17, 18, 22])
    func answers(version: Int64) throws {
        let graph = try Self.graph(version: version)
        #expect(try graph.rewritten() == Self.steps + ["Add"])
        for shape: Shape in [[1, 1, 6], [3, 5, 6], [2, 0, 6], [0, 3, 6]] {
            try graph.expectSameAnswers(rows(shape))
        }
        // Numbers of which the runtime loses more digits than we do.
        try graph.expectSameAnswers(rows([4, 4, 6], around: 100), within: 1e-2)
        // All the same: only the term that keeps the variance above 0 counts.
        try graph.expectSameAnswers(Tensor(shape: [1, 1, 6], [Float](repeating: 7, count: 6)))
    }

    @Test("without a bias, and with an epsilon of its own")
    func options() throws {
        let graph = try Self.graph(inputs: ["x", "scale"], attributes: [.init("epsilon", 0.5), .init("axis", -1)])
        #expect(try graph.rewritten() == Self.steps)
        try graph.expectSameAnswers(rows([2, 3, 6]))
    }

    @Test("a sum before it is left to the runtime to join, unless that can't know its shape")
    func sums() throws {
        let known: [Onnx_NodeProto] = [.init("Relu", ["x"], "r"), .init("Add", ["x", "r"], "sum")]
        #expect(try Self.graph(inputs: ["sum", "scale", "bias"], before: known).rewritten() == nil)

        let computed: [Onnx_NodeProto] = [
            .init("Shape", ["x"], "shape"), .init("Gather", ["shape", "second"], "length"),
            .init("Slice", ["positions", "first", "length", "axis"], "these"), .init("Add", ["x", "these"], "placed"),
            .init("Relu", ["placed"], "r"), .init("Add", ["placed", "r"], "sum"),
        ]
        let constants =
            Self.constants + [
                .init("second", [1]), .init("first", [0]), .init("axis", [0]),
                .init("positions", [8, 6], (0..<48).map(Float.init)),
            ]
        let graph = try Self.graph(inputs: ["sum", "scale", "bias"], constants: constants, before: computed)
        #expect(try graph.rewritten() == computed.map(\.opType) + Self.steps + ["Add"])
        try graph.expectSameAnswers(rows([3, 5, 6]))
    }

    @Test("other dimensions, more outputs, factors that aren't constant, other types and operators stay as they are")
    func others() throws {
        #expect(try Self.graph(attributes: [.init("axis", 1)]).rewritten() == nil)
        #expect(try Self.graph(attributes: [.init("stash_type", 10)]).rewritten() == nil)
        #expect(try Self.graph(version: 16).rewritten() == nil)
        #expect(try Self.graph(inputs: ["x", "x"]).rewritten() == nil)
        #expect(try Self.graph(inputs: ["x", "scale", ""]).rewritten() == nil)
        let square = [Onnx_TensorProto("scale", [2, 3], [1, 2, 3, 4, 5, 6]), Self.constants[1]]
        #expect(try Self.graph(constants: square).rewritten() == nil)

        var graph = try Self.graph()
        graph.model.graph.node[0].output.append("mean")
        #expect(try graph.rewritten() == nil)
        graph = try Self.graph()
        graph.model.graph.node[0].domain = "my"
        #expect(try graph.rewritten() == nil)
        graph = try Self.graph()
        graph.model.graph.initializer[0].dataType = 10
        #expect(try graph.rewritten() == nil)
    }
}
