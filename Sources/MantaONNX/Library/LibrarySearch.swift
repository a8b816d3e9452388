internal import CONNXRuntime
internal import Glibc

/// Where ONNX Runtime's shared library may be.
struct LibrarySearch {
    /// What to pass to the loader, first choice first.
    let candidates: [String]

    /// The library at `path` alone or, without one, the usual places.
    ///
    /// A wheel and a release of the maker call their library `.so.1`, Debian's package `.so.1.` and the minor version.
    init(path: String?, executable: String? = Self.executablePath()) {
        if let path {
            candidates = [path]
            return
        }
        let names = ["libonnxruntime.so.1", "libonnxruntime.so.1.\(ORT_API_VERSION)", "libonnxruntime.so"]
        var folders: [String] = []
        if let executable, let slash = executable.lastIndex(of: "/") {
            let folder = executable[..<slash]
            folders = ["\(folder)/", "\(folder)/../lib/"]
        }
        candidates = (folders + [""]).flatMap { folder in names.map { folder + $0 } }
    }

    private static func executablePath() -> String? {
        guard let path = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
