internal import CONNXRuntime
internal import Glibc
internal import MantaCore

/// ONNX Runtime's library in this process, and its table of functions.
///
/// It is never unloaded: the library keeps threads and static state that don't survive that. Unchecked Sendable: the
/// table is constant, and its functions may be called from any thread.
@safe struct LoadedLibrary: @unchecked Sendable {
    /// What the loader was asked for.
    let path: String
    /// Such as `1.28.0`.
    let version: String
    /// The functions, valid until the process ends.
    let api: UnsafePointer<OrtApi>

    /// Loads the library at `path`, or the first one found in the usual places.
    init(path: String?) throws(ServingError) {
        Self.switchTelemetryOff
        let candidates = LibrarySearch(path: path).candidates
        var reasons: [String] = []
        for candidate in candidates {
            if let handle = unsafe dlopen(candidate, RTLD_NOW | RTLD_LOCAL) {
                try unsafe self.init(path: candidate, handle: handle)
                return
            }
            let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "\(candidate) can't be loaded"
            // What a user needs to hear of is a file that is there but can't be loaded.
            if !reason.hasPrefix("\(candidate): cannot open shared object file: No such file") {
                reasons.append(reason)
            }
        }
        let looked = candidates.map { "\"\($0)\"" }.joined(separator: ", ")
        let reason = reasons.first.map { " (\($0))" } ?? ""
        throw ServingError(
            .modelUnavailable,
            "ONNX Runtime's library was not found: looked for \(looked)\(reason); "
                + "install libonnxruntime-dev, or ONNX Runtime 1.\(ORT_API_VERSION) or newer, "
                + "or set MANTA_ONNXRUNTIME_LIBRARY to its file")
    }

    /// Newer libraries write files and send events unless this stands in the environment while they load. Set once, since
    /// writing there isn't safe while other threads read.
    private static let switchTelemetryOff: Void = { _ = unsafe setenv("ORT_DISABLE_TELEMETRY", "1", 1) }()

    private init(path: String, handle: UnsafeMutableRawPointer) throws(ServingError) {
        typealias GetBase = @convention(c) () -> UnsafePointer<OrtApiBase>?
        guard let symbol = unsafe dlsym(handle, "OrtGetApiBase"),
            let base = unsafe unsafeBitCast(symbol, to: GetBase.self)(),
            let versionText = unsafe base.pointee.GetVersionString?()
        else {
            throw ServingError(.modelUnavailable, "\"\(path)\" is not ONNX Runtime's library")
        }
        version = unsafe String(cString: versionText)
        // Asked for a table that it doesn't have, an older library writes to standard error; so look at its version.
        guard Self.minor(of: version) >= ORT_API_VERSION,
            let api = unsafe base.pointee.GetApi?(UInt32(ORT_API_VERSION))
        else {
            throw ServingError(
                .modelUnavailable,
                "ONNX Runtime \(version) in \"\(path)\" is too old: install 1.\(ORT_API_VERSION) or newer")
        }
        self.path = path
        unsafe self.api = api
    }

    /// The number that counts the versions of the table: 28 of `1.28.0`.
    static func minor(of version: String) -> Int {
        let parts = version.split(separator: ".")
        guard parts.count >= 2, parts[0] == "1" else { return 0 }
        return Int(parts[1]) ?? 0
    }
}
