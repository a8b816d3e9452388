import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// The model files that clients sent instead of naming a repository's: a folder for each time.
///
/// Every call reads or writes files, so it blocks its thread.
struct Uploads: Sendable {
    /// Why files aren't kept.
    struct Failure: Error {
        let message: String
        /// Whether the client is at fault.
        let isInvalid: Bool
    }

    /// Where the folders are made.
    let folder: String

    /// Keeps files, for good when it returns.
    ///
    /// - Parameter files: The contents by path within the model's folder: `1/model.onnx`.
    /// - Returns: The folder that holds them.
    /// - Throws: ``Failure`` that names the file; nothing is kept then.
    func store(_ files: [String: [UInt8]]) throws(Failure) -> String {
        for path in files.keys.sorted() where !Self.isSound(path) {
            throw Failure(
                message: "file \"\(path)\": expected a path such as 1/model.onnx, within the model's folder",
                isInvalid: true)
        }
        let name = UUID().uuidString.lowercased()
        // Others ignore a folder with a dot, so none is found before it is whole.
        let unfinished = "\(folder)/.\(name)"
        do {
            try make(unfinished)
            for (path, bytes) in files {
                if let slash = path.lastIndex(of: "/") { try make("\(unfinished)/\(path[..<slash])") }
                try write(bytes, to: "\(unfinished)/\(path)")
            }
            guard unsafe rename(unfinished, "\(folder)/\(name)") == 0 else { throw failure(folder) }
            try synchronize(folder)
        } catch {
            try? FileManager.default.removeItem(atPath: unfinished)
            throw error as? Failure ?? Failure(message: "\(folder): \(error)", isInvalid: false)
        }
        return "\(folder)/\(name)"
    }

    /// Removes every folder but these.
    func removeAll(but kept: Set<String>) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where !kept.contains("\(folder)/\(name)") {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    /// A path of two or more plain names: what is beside the versions has no use yet.
    private static func isSound(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count >= 2 && path.utf8.count <= 1024
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".") && part.utf8.count <= 255
                    && !part.unicodeScalars.contains { $0.properties.generalCategory == .control }
            }
    }

    private func make(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    private func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failure(path) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private func synchronize(_ path: String) throws(Failure) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private func failure(_ path: String) -> Failure {
        let reason = unsafe String(cString: strerror(errno))
        return Failure(message: "the files can't be kept: \(path): \(reason)", isInvalid: false)
    }
}
