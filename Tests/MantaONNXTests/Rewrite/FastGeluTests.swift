import MantaCore
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaONNX

@Suite("GELU in one node")
struct FastGeluTests {
    private static let constants: [Onnx_TensorProto] = [
        .init("half", [], [0.5]), .init("one", [], [1]), .init("three", [], [3]), .init("two", [], [2]),
        .init("cubic", [], [0.044715]), .init("inverse", [], [1 / 0.044715]), .init("root", [], [0.797_884_56]),
        .init("minus", [], [-1]), .init("other", [], [0.05]), .init("pair", [2], [0.5, 0.5]),
        .init("vector", [1], [0.5]),
    ]

    /// What is in common: the half of x times 1 and the tangent of `inner`.
    private static func outer(_ inner: String) -> [Onnx_NodeProto] {
        [
            .init("Tanh", [inner], "tangent"), .init("Add", ["tangent", "one"], "gate"),
            .init("Mul", ["x", "half"], "halved"), .init("Mul", ["halved", "gate"], "y"),
        ]
    }

    private static let forms: [String: [Onnx_NodeProto]] = [
        "PyTorch": [
            .init("Pow", ["x", "three"], "cube"), .init("Mul", ["cube", "cubic"], "small"),
            .init("Add", ["x", "small"], "sum"), .init("Mul", ["sum", "root"], "inner"),
        ] + outer("inner"),
        "JAX": [
            .init("Mul", ["cubic", "x"], "1"), .init("Mul", ["x", "1"], "2"), .init("Mul", ["x", "2"], "3"),
            .init("Add", ["x", "3"], "4"), .init("Mul", ["root", "4"], "5"), .init("Tanh", ["5"], "6"),
            .init("Add", ["one", "6"], "7"), .init("Mul", ["half", "7"], "8"), .init("Mul", ["x", "8"], "y"),
        ],
        "factored out": [
            .init("Mul", ["x", "x"], "square"), .init("Mul", ["square", "cubic"], "small"),
            .init("Add", ["small", "one"], "factor"), .init("Mul", ["x", "root"], "scaled"),
            .init("Mul", ["factor", "scaled"], "inner"),
        ] + outer("inner"),
        "with differences and quotients": [
            .init("Mul", ["x", "x"], "square"), .init("Mul", ["square", "x"], "cube"),
            .init("Div", ["cube", "inverse"], "small"), .init("Neg", ["small"], "negative"),
            .init("Sub", ["x", "negative"], "sum"), .init("Mul", ["sum", "root"], "inner"),
            .init("Tanh", ["inner"], "tangent"), .init("Sub", ["tangent", "minus"], "gate"),
            .init("Div", ["gate", "two"], "gate half"), .init("Mul", ["gate half", "x"], "y"),
        ],
    ]

    static func sample() throws -> GraphUnderTest { try graph(forms["JAX"] ?? []) }

    private static func graph(_ nodes: [Onnx_NodeProto]) throws -> GraphUnderTest {
        let taken = Set(nodes.flatMap(\.input))
        return try GraphUnderTest(
            shape: [nil, 8], constants: constants.filter { taken.contains($0.name) }, nodes: nodes)
    }

    @Test("however it is written, one node computes it", arguments: forms.keys.sorted())
    func isFound(name: String) throws {
        let graph = try Self.graph(Self.forms[name] ?? [])
        #expect(try graph.rewritten() == ["FastGelu"])

        let steps: [Float] = (0..<400).map { Float($0 - 200) / 16 }
        try graph.expectSameAnswers(Tensor(shape: [50, 8], steps))
        try graph.expectSameAnswers(Tensor(shape: [0, 8], [] as [Float]))
        try graph.expectSameAnswers(
            Tensor(shape: [1, 8], [.infinity, .nan, 1e30, -1e30, -0.0, 1e-30, 3, -.infinity] as [Float]))
    }

    @Test("it is found in what other nodes gave, with constants of nodes, and twice in a row")
    func inside() throws {
        var nodes: [Onnx_NodeProto] = [.init("Mul", ["x", "two"], "doubled"), .init("Abs", ["doubled"], "a")]
        for (input, output) in [("a", "b"), ("b", "y")] {
            nodes += (Self.forms["JAX"] ?? []).map { step in
                var step = step
                step.input = step.input.map { $0 == "x" ? input : Int($0) == nil ? $0 : output + $0 }
                step.output = step.output.map { $0 == "y" ? output : output + $0 }
                step.name = step.output[0]
                return step
            }
        }
        var graph = try Self.graph(nodes)
        for constant in graph.model.graph.initializer {
            var node = Onnx_NodeProto("Constant", [], constant.name)
            node.attribute = [
                .with {
                    $0.name = "value"
                    $0.type = .tensor
                    $0.t = constant
                }
            ]
            graph.model.graph.node.insert(node, at: 0)
        }
        graph.model.graph.initializer = []

        #expect(try graph.rewritten() == ["Constant", "Mul", "Abs", "FastGelu", "FastGelu"])
        try graph.expectSameAnswers(Tensor(shape: [1, 8], [-3, -1, -0.5, 0, 0.1, 0.5, 1, 3] as [Float]))
    }

    @Test("steps whose results are used otherwise stay")
    func usedSteps() throws {
        var graph = try Self.graph(Self.forms["JAX"] ?? [])
        graph.model.graph.node.append(.init("Sqrt", ["4"], "side"))
        graph.model.graph.output.append(graph.model.graph.output[0])
        graph.model.graph.output[1].name = "side"

        #expect(try graph.rewritten() == ["Mul", "Mul", "Mul", "Add", "FastGelu", "Sqrt"])
    }

    @Test("other functions, constants that could be others, and other types stay as they are")
    func others() throws {
        func expectLeft(_ change: (inout Onnx_GraphProto) -> Void, _ comment: Comment) throws {
            var graph = try Self.graph(Self.forms["PyTorch"] ?? [])
            graph.model.graph.initializer = Self.constants
            change(&graph.model.graph)
            #expect(try graph.rewritten() == nil, comment)
        }
        try expectLeft({ $0.node[1].input = ["cube", "other"] }, "another factor")
        try expectLeft({ $0.node[4].opType = "Erf" }, "another function")
        try expectLeft({ $0.node[4].domain = "my" }, "another's operator")
        try expectLeft({ $0.node[2].input = ["z", "small"] }, "of two values")
        try expectLeft({ $0.node[6].input = ["x", "pair"] }, "a constant of two numbers")
        try expectLeft({ $0.node[6].input = ["x", "vector"] }, "a constant with a dimension")
        try expectLeft({ graph in graph.input.append(.with { $0.name = "cubic" }) }, "a default")
        try expectLeft(
            { graph in
                for index in graph.initializer.indices { graph.initializer[index].dataType = 11 }
            }, "64-bit floats")
    }
}
