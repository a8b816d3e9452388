import FoundationEssentials
import MantaCore
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaONNX

@Suite("Models whose graphs are changed")
struct RewritableModelTests {
    /// What a file becomes if the graph that was read is changed so; `nil` if it can't be changed.
    private func changed(_ path: String, _ change: (inout Onnx_ModelProto) -> Void) -> [UInt8]? {
        FileMessage.read(file: path) { file throws(FileMessage.Malformed) in
            guard var model = try RewritableModel(file) else { return nil }
            change(&model.model)
            return try model.bytes()
        }
    }

    @Test(
        "what isn't changed is kept, known to us or not",
        arguments: ["add", "gather", "zipmap", "svm_classes", "default_scale", "identity_bytes"])
    func keeps(name: String) throws {
        let bytes = try #require(changed(Fixture.path(name)) { _ in })

        #expect(try Onnx_ModelProto(serializedBytes: bytes) == Onnx_ModelProto(serializedBytes: Fixture.bytes(name)))
    }

    @Test("of large constants the numbers aren't read, and kept unless the constant is removed")
    func largeConstants() throws {
        let weights = (0..<100_000).map(Float.init)
        var graph = try GraphUnderTest(
            shape: [nil, 100_000],
            constants: [
                .init("large", [100_000], weights), .init("unused", [100_000], weights), .init("small", [1], [2]),
            ],
            nodes: [.init("Add", ["x", "large"], "sum"), .init("Mul", ["sum", "small"], "y")])
        graph.model.graph.initializer[0].rawData = Data(
            weights.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } })
        graph.model.graph.initializer[0].floatData = []
        let before = graph.model

        try TemporaryFolder.with { folder in
            try folder.write(before.serializedBytes(partial: true), to: "model.onnx")
            let bytes = try #require(
                changed(folder.path + "/model.onnx") { model in
                    let constants = model.graph.initializer
                    #expect(constants.map(\.name) == ["large", "unused", "small"])
                    #expect(constants[0].rawData.isEmpty && constants[0].dims == [100_000])
                    #expect(constants[1].floatData.isEmpty && constants[2].floatData == [2])
                    model.graph.initializer.remove(at: 1)
                    model.graph.initializer.append(.init("new", [1], [3]))
                    model.graph.node[1].input[1] = "new"
                    model.opsetImport.append(.with { $0.domain = "my" })
                })
            var expected = before
            expected.graph.initializer.remove(at: 1)
            expected.graph.initializer.append(.init("new", [1], [3]))
            expected.graph.node[1].input[1] = "new"
            expected.opsetImport.append(.with { $0.domain = "my" })
            #expect(try Onnx_ModelProto(serializedBytes: bytes) == expected)
        }
    }

    @Test("models with functions, graphs in nodes, data elsewhere or two graphs, and damaged ones, can't be changed")
    func others() throws {
        for name in ["external", "external_missing", "empty", "truncated", "text"] {
            #expect(changed(Fixture.path(name)) { _ in } == nil, "\(name)")
        }
        #expect(ModelRewrite.rewritten(modelFile: "/nowhere/model.onnx") == nil)

        let bytes = try Fixture.bytes("add")
        var withGraph = try Onnx_ModelProto(serializedBytes: bytes)
        withGraph.graph.node[0].attribute.append(
            .with {
                $0.name = "body"
                $0.g = .init()
            })
        let graph = try Onnx_ModelProto.with { $0.graph = .init() }.serializedBytes() as [UInt8]
        try TemporaryFolder.with { folder in
            let function: [UInt8] = [25 << 3 & 0x7F | 0x80 | 2, 25 >> 4, 0]
            for (index, other) in try [bytes + function, bytes + graph, withGraph.serializedBytes(partial: true)]
                .enumerated()
            {
                try folder.write(other, to: "model.onnx")
                #expect(changed(folder.path + "/model.onnx") { _ in } == nil, "\(index)")
            }
        }
    }
}
