public import MantaCore
import Synchronization

/// An engine whose models are closures: for tests of everything around an engine.
///
/// ```swift
/// let engine = FakeEngine { inputs in inputs.map { $0! } }   // the identity
/// ```
public final class FakeEngine: Engine {
    /// What a model does with the inputs of one run.
    public typealias Body = @Sendable ([Tensor?]) throws(ServingError) -> [Tensor]

    /// A model of this engine.
    final class Model: LoadedModel {
        let signature: ModelSignature
        private let body: Body
        private let runs: Runs

        init(signature: ModelSignature, runs: Runs, body: @escaping Body) {
            (self.signature, self.runs, self.body) = (signature, runs, body)
        }

        func run(_ inputs: [Tensor?], outputs: [Int]) throws(ServingError) -> [Tensor] {
            runs.rows.withLock { $0.append(inputs.first.flatMap { $0?.rowCount } ?? 0) }
            let all = try body(inputs)
            return outputs.map { all[$0] }
        }
    }

    /// The runs so far.
    final class Runs: Sendable {
        let rows = Mutex<[Int]>([])
    }

    /// The name in configurations.
    public let name = "fake"
    /// The platform in metadata.
    public let platform = "fake_model"
    /// The file a version would have.
    public let defaultFileName = "model.fake"
    private let models: @Sendable (ModelSource) throws(ServingError) -> (ModelSignature, Body)
    private let runs = Runs()

    /// An engine whose every model has this signature and does this.
    ///
    /// - Parameters:
    ///   - signature: By default one FP32 input `x` and one output `y`, both `[-1, 2]`.
    ///   - loadError: Thrown instead of loading.
    ///   - body: What a run does.
    public init(
        signature: ModelSignature = .twoColumns, loadError: ServingError? = nil, body: @escaping Body
    ) {
        models = { _ throws(ServingError) in
            if let loadError { throw loadError }
            return (signature, body)
        }
    }

    /// An engine whose models depend on their files.
    ///
    /// - Parameter models: The signature of a model and what it does, or why it can't be loaded. May block.
    ///
    /// - Returns: The engine.
    public static func reading(
        _ models: @escaping @Sendable (ModelSource) throws(ServingError) -> (ModelSignature, Body)
    ) -> FakeEngine {
        FakeEngine(models: models)
    }

    private init(models: @escaping @Sendable (ModelSource) throws(ServingError) -> (ModelSignature, Body)) {
        self.models = models
    }

    /// Rows of the first input in each run so far, those of warm-up included.
    public var rowsOfRuns: [Int] { runs.rows.withLock { $0 } }

    /// Makes the model.
    public func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel {
        let (signature, body) = try models(source)
        return Model(signature: signature, runs: runs, body: body)
    }
}

extension ModelSignature {
    /// One FP32 input `x` and one output `y`, both `[-1, 2]`.
    public static let twoColumns = ModelSignature(
        inputs: [TensorSpec("x", .fp32, [-1, 2])], outputs: [TensorSpec("y", .fp32, [-1, 2])])
}
