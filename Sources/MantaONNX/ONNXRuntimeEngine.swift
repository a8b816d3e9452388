public import MantaCore

/// Runs ONNX models with ONNX Runtime on the CPU.
///
/// ```swift
/// let engine = try ONNXRuntimeEngine()
/// let model = try engine.load(ModelSource(path: "models/add/1/model.onnx"))
/// let outputs = try model.run([Tensor(shape: [1, 2], [1, 2] as [Float])], outputs: [0])
/// ```
///
/// The runtime is one for the whole process: engines made later share its state, and the last log given gets the messages
/// of all.
public struct ONNXRuntimeEngine: Engine {
    /// `onnxruntime`.
    public let name = "onnxruntime"
    /// `onnxruntime_onnx`, as other servers of the protocol call it.
    public let platform = "onnxruntime_onnx"
    /// `model.onnx`.
    public let defaultFileName = "model.onnx"
    /// The version of the library that was found, such as `1.28.0`.
    public var version: String { runtime.version }
    /// The file the library was loaded from, or its bare name when the system's loader chose the folder.
    public var libraryPath: String { runtime.path }

    private let runtime: Runtime

    /// Loads ONNX Runtime's shared library, with its telemetry off.
    ///
    /// - Parameters:
    ///   - libraryPath: The library to load. `nil`: the one beside the executable, in `../lib` of it, or the system's.
    ///   - log: Gets the runtime's warnings and errors from now on, on whatever thread they arise; it must return soon.
    ///     Without one they are dropped: what concerns a load or a run is in its error anyway.
    /// - Throws: ``ServingError`` with code `modelUnavailable` that says what was looked for and what to install.
    public init(libraryPath: String? = nil, log: (@Sendable (RuntimeLogEntry) -> Void)? = nil) throws(ServingError) {
        if let log { RuntimeLog.setReceiver(log) }
        runtime = try Runtime.shared(LoadedLibrary(path: libraryPath))
    }

    /// Loads a model file, with whatever external data lies beside it.
    public func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel {
        do {
            return try ONNXModel.load(source, in: runtime)
        } catch {
            throw error.asLoadError(path: source.path)
        }
    }
}
