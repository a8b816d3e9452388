import MantaCore

/// An engine whose models give back what they take.
struct EchoEngine: Engine {
    let name = "echo"
    let platform = "echo"
    let defaultFileName = "model.echo"

    final class Model: LoadedModel {
        let signature: ModelSignature

        init(signature: ModelSignature) {
            self.signature = signature
        }

        func run(_ inputs: [Tensor?], outputs: [Int]) throws(ServingError) -> [Tensor] {
            outputs.compactMap { inputs[$0] }
        }
    }

    /// The path is the datatype of the one input `x` and the one output `y`. Rows of FP32 have two columns.
    func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel {
        let type = DataType(rawValue: source.path) ?? .fp32
        let shape: Shape = type == .fp32 ? [-1, 2] : [-1]
        return Model(
            signature: ModelSignature(inputs: [TensorSpec("x", type, shape)], outputs: [TensorSpec("y", type, shape)]))
    }
}
