internal import CMantaMemory
internal import MantaCore

/// An ONNX model in memory.
///
/// Runs of several threads share one session, so the weights are there once.
final class ONNXModel: LoadedModel {
    let signature: ModelSignature
    private let runner: Runner

    /// Loads a model file.
    static func load(_ source: ModelSource, in runtime: Runtime) throws(RuntimeFailure) -> ONNXModel {
        if source.options.optimization == .all, let rewritten = ModelRewrite.rewritten(modelFile: source.path) {
            // What the runtime has to say against it is said of the file itself.
            do throws(RuntimeFailure) { return try ONNXModel(source, rewritten: rewritten, runtime) } catch {}
        }
        return try ONNXModel(source, rewritten: nil, runtime)
    }

    private init(_ source: ModelSource, rewritten: [UInt8]?, _ runtime: Runtime) throws(RuntimeFailure) {
        // What suits the model depends on its shapes, which are known for sure once it is loaded: begin with what its
        // file says or, if we can't read that, with the usual case, and load again if it is another.
        let guess = SessionSettings(source.options, variation: ShapeVariation(modelFile: source.path) ?? .batch)
        var session = try Session(path: source.path, rewritten: rewritten, settings: guess, runtime: runtime)
        var found = try SignatureReader(session: session).read()
        let settings = SessionSettings(source.options, variation: ShapeVariation(found.signature))
        if settings != guess {
            // Never the weights of two sessions at a time.
            _ = consume session
            session = try Session(path: source.path, rewritten: rewritten, settings: settings, runtime: runtime)
            found = try SignatureReader(session: session).read()
        }
        signature = found.signature
        runner = Runner(session: session, inputNames: found.inputs, outputNames: found.outputs)
        manta_give_back_freed_memory()
    }

    var keepsMemory: Bool { runner.session.memoryReturn != nil }

    func giveBackMemory() {
        runner.giveBackMemory(signature.inputs.map { $0.isOptional ? nil : .smallest($0) })
    }

    func run(_ inputs: [Tensor?], outputs: [Int]) throws(ServingError) -> [Tensor] {
        precondition(inputs.count == signature.inputs.count && !outputs.isEmpty)
        do throws(RuntimeFailure) {
            return try runner.run(inputs, outputs: outputs)
        } catch {
            throw ServingError(.engineFailed, "the model's run failed: \(error.summary)", cause: error)
        }
    }
}

extension Tensor {
    /// A tensor of no rows, or of as few elements as an input can have.
    fileprivate static func smallest(_ spec: TensorSpec) -> Tensor {
        let shape = Shape(spec.shape.dimensions.map { max($0, 0) })
        let count = shape.elementCount ?? 0
        guard let size = spec.dataType.byteWidth else {
            return Tensor(shape: shape, strings: [String](repeating: "", count: count))
        }
        let zeros = Tensor(shape: [count * size], [UInt8](repeating: 0, count: count * size))
        return Tensor(spec.dataType, shape: shape, buffer: zeros.buffer)
    }
}
