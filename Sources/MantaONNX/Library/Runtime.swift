internal import CONNXRuntime
internal import MantaCore
internal import Synchronization

/// The runtime's environment: what all models of the process share.
///
/// There is one for each library, kept until the process ends: the library breaks when one thread makes an environment
/// while another releases the last one. Unchecked Sendable: every pointer is constant, and the library documents what is behind them as safe to share by threads.
@safe final class Runtime: @unchecked Sendable {
    /// Such as `1.28.0`.
    let version: String
    /// What the loader was asked for.
    let path: String
    /// The library's functions.
    let api: UnsafePointer<OrtApi>
    /// Lives as long as the process.
    let environment: OpaquePointer
    /// Says "plain memory of this process" wherever a tensor is made. Lives as long as the process.
    let memoryInfo: OpaquePointer
    /// The allocator for names and texts. The library's own, valid until the process ends.
    let allocator: UnsafeMutablePointer<OrtAllocator>

    private static let all = Mutex<[Runtime]>([])

    /// The environment of this library, made on first use.
    static func shared(_ library: LoadedLibrary) throws(ServingError) -> Runtime {
        try all.withLock { all throws(ServingError) in
            if let known = all.first(where: { unsafe $0.api == library.api }) { return known }
            let made = try Runtime(library)
            all.append(made)
            return made
        }
    }

    /// Sets the library up, without telemetry.
    private init(_ library: LoadedLibrary) throws(ServingError) {
        version = library.version
        path = library.path
        unsafe api = library.api
        do throws(RuntimeFailure) {
            (unsafe environment, unsafe memoryInfo, unsafe allocator) = try unsafe Self.parts(of: library)
        } catch {
            throw ServingError(.modelUnavailable, "ONNX Runtime doesn't start: \(error.summary)", cause: error)
        }
    }

    /// Turns a status into an error and frees it.
    @inline(__always)
    func check(_ status: OpaquePointer?) throws(RuntimeFailure) {
        if let status = unsafe status { throw unsafe RuntimeFailure(taking: status, api: api) }
    }

    /// Whether a model says anything of the shape of an input or output. If not, its rank is told as 0, like a scalar's.
    ///
    /// Libraries before 1.24 can't tell the two apart, so every such tensor is a scalar with them.
    func knowsShape(of tensor: OpaquePointer) -> Bool {
        guard LoadedLibrary.minor(of: version) >= MANTA_ONNX_HAS_SHAPE_VERSION else { return true }
        return unsafe manta_onnx_has_shape(api, tensor)
    }

    private typealias Parts = (OpaquePointer, OpaquePointer, UnsafeMutablePointer<OrtAllocator>)

    private static func parts(of library: LoadedLibrary) throws(RuntimeFailure) -> Parts {
        let api = unsafe library.api
        func check(_ status: OpaquePointer?) throws(RuntimeFailure) {
            if let status = unsafe status { throw unsafe RuntimeFailure(taking: status, api: api) }
        }
        var environment: OpaquePointer?
        var memoryInfo: OpaquePointer?
        var allocator: UnsafeMutablePointer<OrtAllocator>?
        do throws(RuntimeFailure) {
            try unsafe check(
                api.pointee.CreateEnvWithCustomLogger(
                    RuntimeLog.callback, nil, ORT_LOGGING_LEVEL_WARNING, "manta", &environment))
            try unsafe check(api.pointee.DisableTelemetryEvents(environment))
            try unsafe check(api.pointee.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memoryInfo))
            try unsafe check(api.pointee.GetAllocatorWithDefaultOptions(&allocator))
        } catch {
            unsafe memoryInfo.map { unsafe api.pointee.ReleaseMemoryInfo($0) }
            unsafe environment.map { unsafe api.pointee.ReleaseEnv($0) }
            throw error
        }
        guard let environment = unsafe environment, let memoryInfo = unsafe memoryInfo,
            let allocator = unsafe allocator
        else { preconditionFailure("ONNX Runtime reports success without a result") }
        return unsafe (environment, memoryInfo, allocator)
    }
}
