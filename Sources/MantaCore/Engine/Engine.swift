/// Something that evaluates models of one format.
public protocol Engine: Sendable {
    /// Its name in configuration files, such as `onnxruntime`.
    var name: String { get }

    /// The platform that the protocol's metadata tells for its models, such as `onnxruntime_onnx`.
    var platform: String { get }

    /// The file that a version's folder holds, such as `model.onnx`.
    var defaultFileName: String { get }

    /// Loads a model.
    ///
    /// - Throws: ``ServingError`` with code `modelUnavailable`, saying in words what is wrong with the file.
    /// - Note: Blocks its thread for milliseconds to minutes.
    func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel
}

/// A model in memory, ready to run. Freed with its last reference.
public protocol LoadedModel: AnyObject, Sendable {
    /// What it takes and gives.
    var signature: ModelSignature { get }

    /// Runs the model once. May be called from several threads at a time; they share one copy of the weights.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each input, in the model's order, of the signature's type and shape; `nil` for an
    ///     optional input that is left out.
    ///   - outputs: The indices of the outputs wanted, in the order wanted; at least one.
    /// - Returns: One tensor for each output wanted, in that order.
    /// - Throws: ``ServingError`` with code `engineFailed`. The model stays usable.
    /// - Note: Blocks its thread for the whole run, milliseconds to seconds.
    func run(_ inputs: [Tensor?], outputs: [Int]) throws(ServingError) -> [Tensor]

    /// Whether memory that a run needed is kept for further ones.
    var keepsMemory: Bool { get }

    /// Gives such memory back to the system. Called when nothing has run for a while; runs may begin meanwhile.
    ///
    /// - Note: Blocks its thread for milliseconds.
    func giveBackMemory()
}

extension LoadedModel {
    /// Most keep none.
    public var keepsMemory: Bool { false }

    /// Nothing to give.
    public func giveBackMemory() {}
}

/// Where a model is and how to load it.
public struct ModelSource: Sendable {
    /// The model file.
    public var path: String
    /// How the engine is to run it.
    public var options: EngineOptions

    /// The model in the file at `path`.
    public init(path: String, options: EngineOptions = .init()) {
        self.path = path
        self.options = options
    }
}

/// How an engine runs a model.
public struct EngineOptions: Sendable, Hashable {
    /// How much the engine rewrites the graph while it loads.
    public enum Optimization: String, Sendable, CaseIterable {
        case none, basic, extended, all
    }

    /// How the engine goes through the graph.
    public enum Execution: String, Sendable, CaseIterable {
        case sequential, parallel
    }

    /// Threads within one run, at least 1. One: the run stays on the replica's thread, best for throughput.
    public var threads = 1
    /// Whether parts of the graph that don't depend on each other run at a time.
    public var execution = Execution.sequential
    /// Threads for such parts, at least 1. They are used in parallel execution only.
    public var interOpThreads = 1
    /// How much the graph is optimised.
    public var optimization = Optimization.all
    /// Whether the engine keeps freed memory for the next run; `nil`: yes.
    public var arena: Bool?
    /// Whether the engine plans memory once for each input shape. `nil`: only if all shapes are fixed, since it keeps a
    /// plan for each shape that it has seen.
    public var memoryPattern: Bool?

    /// The defaults.
    public init() {}
}
