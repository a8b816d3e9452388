import MantaCore
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaONNX

/// A graph that is put together by a test, rewritten, and run beside the one that it was.
struct GraphUnderTest {
    var model: Onnx_ModelProto

    /// A graph whose input is `x` and whose output is `y`, which is of 32-bit floats.
    ///
    /// - Parameters:
    ///   - version: That of ONNX's operators.
    ///   - input: The type of `x`, by its number in ONNX.
    ///   - shape: Its sizes; `nil` for one that requests choose.
    ///   - constants: Its constants.
    ///   - nodes: Its nodes, in order.
    /// - Throws: `BinaryDecodingError`, never in fact.
    init(
        version: Int64 = 17, input: Int = Onnx_TensorProto.float, shape: [Int?],
        constants: [Onnx_TensorProto], nodes: [Onnx_NodeProto]
    ) throws {
        // What the runtime needs and we don't read: the version of the format, and the graph's name.
        model = try Onnx_ModelProto(serializedBytes: [1 << 3, 8] as [UInt8])
        model.graph = try Onnx_GraphProto(serializedBytes: [2 << 3 | 2, 1, UInt8(ascii: "g")])
        model.opsetImport = [.with { $0.version = version }]
        model.graph.node = nodes
        model.graph.initializer = constants
        model.graph.input = [Self.value("x", input, shape)]
        model.graph.output = [Self.value("y", Onnx_TensorProto.float, nil)]
    }

    /// The operators once the file is rewritten; `nil` if it is left as it is.
    func rewritten() throws -> [String]? {
        try TemporaryFolder.with { folder in
            try folder.write(model.serializedBytes(partial: true), to: "model.onnx")
            return try ModelRewrite.rewritten(modelFile: folder.path + "/model.onnx").map { bytes in
                try Onnx_ModelProto(serializedBytes: bytes).graph.node.map(\.opType)
            }
        }
    }

    /// Checks that the rewritten model answers what the runtime answers by itself.
    func expectSameAnswers(_ input: Tensor, within tolerance: Float = 1e-5) throws {
        try TemporaryFolder.with { folder in
            let path = folder.path + "/model.onnx"
            try folder.write(model.serializedBytes(partial: true), to: "model.onnx")
            try folder.write(try #require(ModelRewrite.rewritten(modelFile: path)), to: "rewritten.onnx")
            var plain = EngineOptions()
            plain.optimization = .extended
            let engine = try ONNXRuntimeEngine()
            // Were ours refused, the engine would take the file itself.
            let ours = try engine.load(ModelSource(path: folder.path + "/rewritten.onnx", options: plain))
            let theirs = try engine.load(ModelSource(path: path, options: plain))
            let answer = try ours.run([input], outputs: [0])[0]
            let expected = try theirs.run([input], outputs: [0])[0]
            #expect(answer.shape == expected.shape)
            let pairs = try zip(
                #require(answer.values(as: Float.self)), #require(expected.values(as: Float.self)))
            let isSame = pairs.allSatisfy { ours, theirs in
                ours == theirs || ours.isNaN && theirs.isNaN || abs(ours - theirs) <= tolerance * max(1, abs(theirs))
            }
            #expect(isSame)
        }
    }

    private static func value(_ name: String, _ type: Int, _ shape: [Int?]?) -> Onnx_ValueInfoProto {
        .with { value in
            value.name = name
            value.type.tensorType.elemType = Int32(type)
            guard let shape else { return }
            value.type.tensorType.shape.dim = shape.map { size in
                .with { if let size { $0.dimValue = Int64(size) } }
            }
        }
    }
}
