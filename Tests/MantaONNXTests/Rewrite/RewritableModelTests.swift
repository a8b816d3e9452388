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

    @Test("models with functions, graphs in nodes, data elsewhere, two graphs or names twice can't be changed")
    func others() throws {
        for name in ["external", "external_missing", "empty", "truncated", "text"] {
            #expect(changed(Fixture.path(name)) { _ in } == nil, "\(name)")
        }
        #expect(ModelRewrite.rewritten(modelFile: "/nowhere/model.onnx") == nil)

        let bytes = try Fixture.bytes("add")
        let function: [UInt8] = [25 << 3 & 0x7F | 0x80 | 2, 25 >> 4, 0]
        try expectLeft(bytes + function, "a function")
        try expectLeft(bytes + Onnx_ModelProto.with { $0.graph = .init() }.serializedBytes(), "a second graph")
        let sparse = try Onnx_GraphProto(serializedBytes: [15 << 3 | 2, 0] as [UInt8])
        try expectLeft(
            { try $0.graph.merge(serializedBytes: sparse.serializedBytes() as [UInt8]) }, "a sparse constant")
        try expectLeft({ $0.graph.node.append($0.graph.node[0]) }, "a value twice")
        try expectLeft({ $0.graph.node[0].output = ["manta:y"] }, "a name of ours")
        let elsewhere = Onnx_TensorProto.with { $0.dataLocation = 1 }
        for (index, attribute) in [
            Onnx_AttributeProto.with { $0.g = .init() }, .with { $0.graphs = [Data()] }, .with { $0.t = elsewhere },
            .with { $0.tensors = [.init(), elsewhere] }, .with { $0.sparseTensor = Data() },
            .with { $0.sparseTensors = [Data()] },
        ].enumerated() {
            try expectLeft({ $0.graph.node[0].attribute.append(attribute) }, "attribute \(index)")
        }
    }

    @Test("a graph of more nodes than models have can't be changed")
    func manyNodes() throws {
        let node = try Onnx_NodeProto("Neg", ["x"], "").serializedBytes() as [UInt8]
        let nodes = repeatElement([1 << 3 | 2, UInt8(node.count)] + node, count: 40_000).joined()
        let graph = Onnx_GraphProto.with { $0.output = [.with { $0.name = "y" }] }
        // 40,000 nodes of 8 bytes and more: a length in three bytes.
        let body = try Array(nodes) + graph.serializedBytes()
        let length = [UInt8(body.count & 0x7F) | 0x80, UInt8(body.count >> 7 & 0x7F) | 0x80, UInt8(body.count >> 14)]
        try expectLeft([7 << 3 | 2] + length + body, "nodes")
    }

    @Test("whatever is damaged in a file, it is rewritten or left alone", arguments: Damaged.allCases)
    func damage(model: Damaged) throws {
        let bytes = try model.bytes()
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 11)
        var rewritten = 0
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = damaged.indices.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: damaged[place] = .random(in: 0...255, using: &generator)
                case 1: damaged.remove(at: place)
                default: damaged.insert(.random(in: 0...255, using: &generator), at: place)
                }
            }
            try folder.write(damaged, to: "model.onnx")
            if ModelRewrite.rewritten(modelFile: folder.path + "/model.onnx") != nil { rewritten += 1 }
        }
        #expect(rewritten > 0)
    }

    enum Damaged: CaseIterable {
        case classifier, regressor, gelu, normalization, lookup

        func bytes() throws -> [UInt8] {
            switch self {
            case .classifier: try Fixture.bytes("svm_classes")
            case .regressor: try Fixture.bytes("svm_regression")
            case .gelu: try FastGeluTests.sample().model.serializedBytes(partial: true)
            case .normalization: try LayerNormalizationTests.graph().model.serializedBytes(partial: true)
            case .lookup: try OneHotProductTests.graph().model.serializedBytes(partial: true)
            }
        }
    }

    private func expectLeft(_ change: (inout Onnx_ModelProto) throws -> Void, _ comment: Comment) throws {
        var model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("add"))
        try change(&model)
        try expectLeft(model.serializedBytes(partial: true), comment)
    }

    private func expectLeft(_ bytes: [UInt8], _ comment: Comment) throws {
        try TemporaryFolder.with { folder in
            try folder.write(bytes, to: "model.onnx")
            #expect(changed(folder.path + "/model.onnx") { _ in } == nil, comment)
        }
    }
}
