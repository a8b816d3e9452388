import MantaCore
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaONNX

@Suite("Rows of a table in place of products with zeros and a one")
struct OneHotProductTests {
    static let table = Onnx_TensorProto("table", [5, 3], (0..<15).map { Float($0) - 4.5 })

    static func graph(
        version: Int64 = 15, type: Int = Onnx_TensorProto.int32, places: [Int] = [0, 1, 2, 3, 4],
        placesShape: [Int64] = [1, 1, 5], expanded: Bool = true, table: Onnx_TensorProto = Self.table
    ) throws -> GraphUnderTest {
        let places = Onnx_TensorProto.with {
            ($0.name, $0.dims, $0.dataType) = ("places", placesShape, Int32(type))
            if type == Onnx_TensorProto.int32 { $0.int32Data = places.map(Int32.init) }
            if type == Onnx_TensorProto.int64 { $0.int64Data = places.map(Int64.init) }
        }
        var nodes: [Onnx_NodeProto] = [.init("Reshape", ["x", "single"], "numbers")]
        if expanded {
            nodes += [
                .init("Shape", ["x"], "sizes"), .init("Concat", ["sizes", "count"], "shape", [.init("axis", 0)]),
                .init("Expand", ["numbers", "shape"], "repeated"),
            ]
        }
        nodes += [
            .init("Equal", ["places", expanded ? "repeated" : "numbers"], "same"),
            .init("Cast", ["same"], "hot", [.init("to", Onnx_TensorProto.float)]),
            .init("MatMul", ["hot", "table"], "y"),
        ]
        let taken = Set(nodes.flatMap(\.input))
        let constants = [places, table, .init("single", [-1, 4, 1]), .init("count", [5])]
        return try GraphUnderTest(
            version: version, input: type, shape: [nil, 4], constants: constants.filter { taken.contains($0.name) },
            nodes: nodes)
    }

    @Test("answers are those of the product, and zeros for numbers beyond the table", arguments: [true, false])
    func answers(expanded: Bool) throws {
        let graph = try Self.graph(expanded: expanded)
        let found = try #require(try graph.rewritten())
        #expect(found.contains("Gather") && !found.contains("MatMul") && !found.contains("Equal"))
        try graph.expectSameAnswers(
            Tensor(shape: [3, 4], [0, 1, 2, 3, 4, 4, -1, -5, 5, 6, .max, .min] as [Int32]), within: 0)
        try graph.expectSameAnswers(Tensor(shape: [0, 4], [] as [Int32]))
    }

    @Test("whole numbers of 64 bits")
    func longNumbers() throws {
        let graph = try Self.graph(type: Onnx_TensorProto.int64)
        try graph.expectSameAnswers(Tensor(shape: [2, 4], [0, 1, 2, 3, 4, -1, .max, .min] as [Int64]), within: 0)
    }

    @Test("a single number without a dimension gets a row without one")
    func single() throws {
        let graph = try GraphUnderTest(
            version: 15, input: Onnx_TensorProto.int64, shape: [],
            constants: [.init("places", [0, 1, 2, 3, 4]), Self.table, .init("axis", [-1])],
            nodes: [
                .init("Unsqueeze", ["x", "axis"], "numbers"), .init("Equal", ["numbers", "places"], "same"),
                .init("Cast", ["same"], "hot", [.init("to", Onnx_TensorProto.float)]),
                .init("MatMul", ["hot", "table"], "y"),
            ])
        for number: Int64 in [0, 4, 7] { try graph.expectSameAnswers(Tensor(shape: [], [number]), within: 0) }
    }

    @Test("a table that is used twice is kept once, and steps that others take stay")
    func sharedTable() throws {
        var graph = try Self.graph()
        (graph.model.graph.node[6].output, graph.model.graph.node[6].name) = (["first"], "first")
        graph.model.graph.node += [
            .init("MatMul", ["hot", "table"], "second"), .init("ReduceMax", ["hot"], "largest"),
            .init("Add", ["first", "second"], "sum"), .init("Mul", ["sum", "largest"], "y"),
        ]
        let found = try #require(try graph.rewritten())
        #expect(found.count { $0 == "Gather" } == 2 && found.contains("Equal"))
        // One of the shape, one for each lookup's, one of the table.
        #expect(found.count { $0 == "Concat" } == 4)
        try graph.expectSameAnswers(Tensor(shape: [2, 4], [0, 1, 2, 3, 4, 9, -1, 0] as [Int32]))
    }

    @Test("other places, shapes that could be others, and other types stay as they are")
    func others() throws {
        #expect(try Self.graph(version: 12).rewritten() == nil)
        #expect(try Self.graph(places: [0, 1, 2, 4, 3]).rewritten() == nil)
        #expect(try Self.graph(places: [1, 2, 3, 4, 5]).rewritten() == nil)
        #expect(try Self.graph(placesShape: [1, 1, 1, 5]).rewritten() == nil)
        #expect(try Self.graph(placesShape: [1, 5, 1]).rewritten() == nil)
        #expect(try Self.graph(table: .init("table", [1, 5, 3], (0..<15).map(Float.init))).rewritten() == nil)
        #expect(try Self.graph(table: .init("table", [6, 3], (0..<18).map(Float.init))).rewritten() == nil)

        var graph = try Self.graph()
        graph.model.graph.node[5].set(.init("to", 10))
        #expect(try graph.rewritten() == nil)
        graph = try Self.graph()
        graph.model.graph.initializer.removeAll { $0.name == "single" }
        graph.model.graph.node.insert(.init("Shape", ["w"], "single"), at: 0)
        #expect(try graph.rewritten() == nil)
    }
}
