internal import MantaWire
internal import SwiftProtobuf

/// What makes a model faster that ONNX Runtime's own optimisations leave as it is.
///
/// Support vector machines, that is: the runtime computes their most usual kernel row by row.
enum ModelRewrite {
    /// Larger files are left alone, since they are read into memory for this.
    private static let maxBytes = 64 << 20

    /// The rewritten model, or `nil` if there is nothing to gain, or nothing that we can read.
    ///
    /// A file without operators of `ai.onnx.ml` costs no more than a look at its list of operator sets.
    static func rewritten(modelFile path: String) -> [UInt8]? {
        FileMessage.read(file: path) { file throws(FileMessage.Malformed) in
            guard file.byteCount <= maxBytes, try hasMachineLearningOperators(file) else { return nil }
            return rewritten(try file.contents())
        }
    }

    /// The same of a model in memory.
    static func rewritten(_ bytes: [UInt8]) -> [UInt8]? {
        guard var model = try? Onnx_ModelProto(serializedBytes: bytes, partial: true) else { return nil }
        // Data in other files is found by the path of the model, which bytes don't have. Graphs within the graph may use any
        // of its values.
        guard !model.graph.initializer.contains(where: { $0.dataLocation != 0 }),
            !model.graph.node.contains(where: { $0.attribute.contains(where: \.hasG) }), apply(to: &model)
        else { return nil }
        return try? model.serializedBytes(partial: true)
    }

    /// - Returns: Whether anything changed.
    private static func apply(to model: inout Onnx_ModelProto) -> Bool {
        let ownOperators = model.opsetImport.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }
        guard (ownOperators?.version ?? KernelProducts.minOperatorSet) >= KernelProducts.minOperatorSet else {
            return false
        }
        let scores = KernelProducts.apply(to: &model.graph)
        guard !scores.isEmpty else { return false }
        if ownOperators == nil { model.opsetImport.append(.with { $0.version = KernelProducts.minOperatorSet }) }
        ColumnSums.apply(to: &model.graph, scores: scores)
        return true
    }

    // The numbers of fields are those of `onnx.proto`: ModelProto, OperatorSetIdProto.

    private static func hasMachineLearningOperators(_ model: FileMessage) throws(FileMessage.Malformed) -> Bool {
        var (model, result) = (model, false)
        while let field = try model.next() {
            // Functions of its own may have any operator's name.
            if field.number == 25 { return false }
            guard field.number == 8, let domain = try field.message?.message(1) else { continue }
            if try domain.contents() == Array("ai.onnx.ml".utf8) { result = true }
        }
        return result
    }
}
