internal import MantaWire
internal import SwiftProtobuf

/// What makes a model faster that ONNX Runtime's own optimisations leave as it is.
///
/// Each part says why the runtime is slow there. The answers stay those of the file but for the rounding of 32-bit floats.
enum ModelRewrite {
    /// Larger files are left alone, since the changed model is put together in memory.
    private static let maxBytes = 512 << 20

    /// The rewritten model, or `nil` if there is nothing to gain, or nothing that we can read.
    static func rewritten(modelFile path: String) -> [UInt8]? {
        FileMessage.read(file: path) { file throws(FileMessage.Malformed) in
            guard file.byteCount <= maxBytes, var model = try RewritableModel(file), apply(to: &model.model) else {
                return nil
            }
            return try model.bytes()
        }
    }

    /// - Returns: Whether anything changed.
    static func apply(to model: inout Onnx_ModelProto) -> Bool {
        // Each needs a version of ONNX's operators that has all that it uses, in the form that it uses.
        let version = model.version(of: "") ?? model.version(of: "ai.onnx")
        var isChanged = false
        if version ?? KernelProducts.minOperatorSet >= KernelProducts.minOperatorSet {
            let scores = KernelProducts.apply(to: &model.graph)
            if !scores.isEmpty {
                ColumnSums.apply(to: &model.graph, scores: scores)
                isChanged = true
                if version == nil { model.addOperatorSet("", KernelProducts.minOperatorSet) }
            }
        }
        if FastGelu.apply(to: &model.graph) {
            isChanged = true
            if model.version(of: FastGelu.domain) == nil { model.addOperatorSet(FastGelu.domain, 1) }
        }
        guard let version else { return isChanged }
        if LayerNormalizations.apply(to: &model.graph, version: version) { isChanged = true }
        if OneHotProducts.apply(to: &model.graph, version: version) { isChanged = true }
        return isChanged
    }
}

extension Onnx_ModelProto {
    /// The version of a set of operators that the model uses.
    fileprivate func version(of domain: String) -> Int64? { opsetImport.first { $0.domain == domain }?.version }

    fileprivate mutating func addOperatorSet(_ domain: String, _ version: Int64) {
        opsetImport.append(
            .with {
                $0.domain = domain
                $0.version = version
            })
    }
}
