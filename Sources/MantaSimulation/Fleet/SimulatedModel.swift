import MantaCore
import MantaFleet
import MantaServing

/// The model of the world: it gives each number back that it gets, and its own version.
enum SimulatedModel {
    static let signature = ModelSignature(
        inputs: [TensorSpec("number", .int64, [-1, 1])],
        outputs: [TensorSpec("number", .int64, [-1, 1]), TensorSpec("version", .int64, [-1, 1])])
    /// A file that no engine can load.
    static let brokenFile = "broken.onnx"

    static func request(_ number: Int) -> InferenceRequest {
        InferenceRequest(inputs: [NamedTensor("number", Tensor(shape: [1, 1], [Int64(number)]))])
    }

    /// The numbers of a batch.
    static func numbers(_ batch: RemoteBatch) -> [Int64] { batch.inputs[0]?.numbers ?? [] }

    /// What version `version` answers to a batch.
    static func outputs(of batch: RemoteBatch, version: Int) -> [Tensor] {
        let numbers = numbers(batch)
        return batch.outputs.map { output in
            let values = output == 0 ? numbers : numbers.map { _ in Int64(version) }
            return Tensor(shape: [numbers.count, 1], values)
        }
    }

    /// The number and the version of an answer to ``request(_:)``.
    static func answer(_ response: InferenceResponse) -> (number: Int, version: Int)? {
        guard response.outputs.count == 2, let number = response.outputs[0].tensor.numbers.first,
            let version = response.outputs[1].tensor.numbers.first
        else { return nil }
        return (Int(number), Int(version))
    }
}

extension Tensor {
    fileprivate var numbers: [Int64] { values(as: Int64.self) ?? [] }
}

/// Nothing is loaded by a front.
struct NoEngine: Engine {
    var name: String { "none" }
    var platform: String { "none" }
    var defaultFileName: String { "model.onnx" }

    func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel {
        throw ServingError(.modelUnavailable, "\(source.path): a front loads no models")
    }
}
