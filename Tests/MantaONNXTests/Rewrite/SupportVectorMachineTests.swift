import MantaCore
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaONNX

@Suite("Support vector machines as matrix products")
struct SupportVectorMachineTests {
    private static let machines = [
        "classes", "two_classes", "probabilities", "scaled", "regression", "one_class", "far_away",
    ]

    private func rewritten(_ name: String) throws -> Onnx_GraphProto? {
        guard let bytes = ModelRewrite.rewritten(modelFile: Fixture.path(name)) else { return nil }
        return try Onnx_ModelProto(serializedBytes: bytes).graph
    }

    @Test("no radial kernel is left to the runtime", arguments: machines)
    func rewrites(name: String) throws {
        let graph = try #require(try rewritten("svm_" + name))
        let kernels = graph.node.compactMap { node in node["kernel_type"]?.text }

        #expect(kernels == ["LINEAR"])
        #expect(graph.node.contains { $0.opType == "Exp" })
    }

    @Test("what a graph does with scores column by column is one product for each result")
    func sums() throws {
        let graph = try #require(try rewritten("svm_classes"))

        #expect(graph.node.count < 30)
        #expect(graph.node.count { $0.opType == "ArrayFeatureExtractor" } == 2)
        let taken = Set(graph.node.flatMap(\.input))
        #expect(graph.initializer.allSatisfy { taken.contains($0.name) })
    }

    @Test(
        "answers are those of the runtime's own operator: near, far, at infinity, for no row and one",
        arguments: machines, [0, 1, 2, 300])
    func answers(name: String, rows: Int) throws {
        let offset: Float = name == "far_away" ? 10_000 : 0
        var generator = SeededGenerator(seed: 7)
        var values = (0..<6 * rows).map { _ in offset + Float.random(in: -15...15, using: &generator) }
        if rows == 300 {
            let far: [Float] = [1e3, -1e6, 1e19, .infinity, -.infinity, 3e38]
            for (row, value) in far.enumerated() {
                values[6 * row + row] = value
            }
        }
        let input = Tensor(shape: [rows, 6], values)
        var plain = EngineOptions()
        plain.optimization = .extended
        let ours = try Fixture.model("svm_" + name)
        let theirs = try Fixture.model("svm_" + name, plain)
        #expect(ours.signature == theirs.signature)
        let outputs = Array(ours.signature.outputs.indices)

        let answers = try ours.run([input], outputs: outputs)
        let expected = try theirs.run([input], outputs: outputs)

        for (answer, expected) in zip(answers, expected) {
            #expect(answer.shape == expected.shape)
            guard answer.dataType == .fp32 else {
                let numbers = answer.values(as: Int64.self)
                #expect(numbers != nil || answer.dataType == .bytes)
                #expect(numbers == expected.values(as: Int64.self) && answer.elements == expected.elements)
                continue
            }
            let pairs = try zip(
                #require(answer.values(as: Float.self)), #require(expected.values(as: Float.self)))
            let worst = pairs.map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
            #expect(worst < (name == "far_away" ? 1e-3 : 2e-5))
        }
    }

    @Test("machines without such a kernel, or with one too narrow for 32-bit floats, stay as they are")
    func leavesOthers() throws {
        for name in ["svm_narrow", "svm_linear", "svm_steep", "add", "zipmap"] {
            #expect(try rewritten(name) == nil, "\(name)")
        }
    }

    @Test("rows of another length than the machine's are left to the runtime to refuse")
    func unknownColumns() throws {
        var model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("svm_scaled"))
        model.graph.input[0].type.tensorType.shape.dim[1].clearDimValue()

        #expect(KernelProducts.apply(to: &model.graph).isEmpty)
    }

    @Test("a graph that goes in circles is left to the runtime")
    func circles() throws {
        var model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("svm_scaled"))
        model.graph.node[0].input = model.graph.node[0].output

        #expect(KernelProducts.apply(to: &model.graph).isEmpty)
    }

    @Test("rows of a type that the runtime's machine doesn't take aren't made one that it does", arguments: [8, 9, 10])
    func otherTypes(type: Int32) throws {
        var model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("svm_classes"))
        model.graph.input[0].type.tensorType.elemType = type

        #expect(KernelProducts.apply(to: &model.graph).isEmpty)
    }

    @Test("operators of others aren't taken for ONNX's, and columns that double again and again are given up")
    func otherOperators() throws {
        var model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("svm_classes"))
        let scores = KernelProducts.apply(to: &model.graph)
        var others = model.graph
        for index in others.node.indices where others.node[index].opType == "Neg" { others.node[index].domain = "my" }
        ColumnSums.apply(to: &others, scores: scores)
        #expect(others.node.contains { $0.domain == "my" })

        var last = try #require(model.graph.node.first { $0.opType == "ArrayFeatureExtractor" }?.output[0])
        for turn in 0..<60 {
            model.graph.node.append(.init("Concat", [last, last], "twice\(turn)", [.init("axis", 1)]))
            last = "twice\(turn)"
        }
        ColumnSums.apply(to: &model.graph, scores: scores)
        #expect(model.graph.node.contains { $0.output == ["twice59"] })
    }

    @Test("attributes that contradict each other are left to the runtime, whatever is damaged")
    func contradictions() throws {
        let model = try Onnx_ModelProto(serializedBytes: Fixture.bytes("svm_classes"))
        let node = model.graph.node[0]
        #expect(SupportVectorMachine(node) != nil)

        for name in ["support_vectors", "coefficients", "rho", "vectors_per_class", "kernel_params", "kernel_type"] {
            var without = node
            without.attribute.removeAll { $0.name == name }
            #expect(SupportVectorMachine(without) == nil, "\(name)")
        }
        for counts in [[], [1], [-5, 95, 0, 0, 0], [.max, .max, 0, 1, 1], [0, 0, 0, 0, 0]] {
            var damaged = node
            damaged.set(.init("vectors_per_class", counts))
            #expect(SupportVectorMachine(damaged) == nil, "\(counts)")
        }
        for (name, count) in [("support_vectors", 7), ("coefficients", 3), ("rho", 2)] {
            var damaged = node
            damaged.set(.init(name, [Float](repeating: 1, count: count)))
            #expect(SupportVectorMachine(damaged) == nil, "\(name)")
        }
    }
}
