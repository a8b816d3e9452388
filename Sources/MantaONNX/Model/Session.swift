internal import CONNXRuntime
internal import MantaCore

/// A model loaded by the runtime: graph and weights, shared by all who run it.
///
/// Unchecked Sendable: the pointer is constant, and the runtime documents concurrent runs of one session as safe.
@safe final class Session: @unchecked Sendable {
    /// Outlives the session.
    let runtime: Runtime
    /// Lives as long as this object.
    let raw: OpaquePointer
    /// How the arena's unused memory is given back; `nil` if there is none to give back.
    let memoryReturn: MemoryReturn?

    /// Loads the model file at `path`, with external data that lies beside it, or in its place a model in memory.
    init(
        path: String, rewritten: [UInt8]? = nil, settings: SessionSettings, runtime: Runtime
    ) throws(RuntimeFailure) {
        self.runtime = runtime
        memoryReturn = settings.returnsMemory ? try MemoryReturn(runtime) : nil
        var options: OpaquePointer?
        try unsafe runtime.check(runtime.api.pointee.CreateSessionOptions(&options))
        defer { unsafe runtime.api.pointee.ReleaseSessionOptions(options) }
        try unsafe settings.apply(to: options, runtime: runtime)
        var session: OpaquePointer?
        if let rewritten {
            try unsafe runtime.check(
                runtime.api.pointee.CreateSessionFromArray(
                    runtime.environment, rewritten, rewritten.count, options, &session))
        } else {
            try unsafe runtime.check(runtime.api.pointee.CreateSession(runtime.environment, path, options, &session))
        }
        guard let session = unsafe session else { throw RuntimeFailure("the runtime gave no session") }
        unsafe raw = session
    }

    deinit {
        unsafe runtime.api.pointee.ReleaseSession(raw)
    }
}

/// How a session is made.
struct SessionSettings: Equatable {
    var threads: Int
    var execution: EngineOptions.Execution
    var interOpThreads: Int
    var optimization: EngineOptions.Optimization
    var arena: Bool
    var memoryPattern: Bool
    /// Whether what the arena doesn't use goes back to the system now and then.
    var returnsMemory: Bool

    /// What the options say and, where they leave it open, what suits models of these shapes.
    ///
    /// The runtime keeps a memory plan, and its arena blocks to fit, for each combination of input shapes that it has
    /// seen, and frees neither. With all sizes fixed that is one plan, and worth it. With free ones there would be one for
    /// each batch size, longer text or larger picture, so plans are off, and the arena, whose blocks they all can share,
    /// gives back now and then what the largest of them needed.
    init(_ options: EngineOptions, variation: ShapeVariation) {
        threads = max(1, options.threads)
        execution = options.execution
        interOpThreads = max(1, options.interOpThreads)
        optimization = options.optimization
        arena = options.arena ?? true
        returnsMemory = arena && variation != .none
        // The runtime has no plan for nodes that run in no fixed order.
        memoryPattern = execution == .sequential && (options.memoryPattern ?? (variation == .none))
    }

    /// Writes these settings into the runtime's options.
    func apply(to options: OpaquePointer?, runtime: Runtime) throws(RuntimeFailure) {
        let api = unsafe runtime.api
        let level =
            switch optimization {
            case .none: ORT_DISABLE_ALL
            case .basic: ORT_ENABLE_BASIC
            case .extended: ORT_ENABLE_EXTENDED
            case .all: ORT_ENABLE_ALL
            }
        let mode = execution == .sequential ? ORT_SEQUENTIAL : ORT_PARALLEL
        try unsafe runtime.check(api.pointee.SetSessionGraphOptimizationLevel(options, level))
        try unsafe runtime.check(api.pointee.SetSessionExecutionMode(options, mode))
        try unsafe runtime.check(api.pointee.SetIntraOpNumThreads(options, Int32(clamping: threads)))
        try unsafe runtime.check(api.pointee.SetInterOpNumThreads(options, Int32(clamping: interOpThreads)))
        // Waiting threads would burn the CPU that other replicas need.
        for key in ["session.intra_op.allow_spinning", "session.inter_op.allow_spinning"] {
            try unsafe runtime.check(api.pointee.AddSessionConfigEntry(options, key, "0"))
        }
        try unsafe runtime.check(
            arena ? api.pointee.EnableCpuMemArena(options) : api.pointee.DisableCpuMemArena(options))
        try unsafe runtime.check(
            memoryPattern ? api.pointee.EnableMemPattern(options) : api.pointee.DisableMemPattern(options))
    }
}
