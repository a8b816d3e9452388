import Crypto
import FoundationEssentials
import MantaServing
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Tells whether the files of a version are still the same, by the SHA-256 of their names and contents.
///
/// Files that haven't been touched since the last look aren't read again. Where reading is left for later, files that are
/// touched before they were read count as changed.
final class ContentHash: Sendable {
    /// What the file system says of a file. As long as it stays, so has the content.
    private struct Stamp: Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Int64
        let changed: Int64

        /// `nil` unless there is a file.
        init?(_ path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            self.init(status)
        }

        /// `nil` unless it is a file.
        init?(_ status: stat) {
            guard status.st_mode & S_IFMT == S_IFREG else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
            changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        }
    }

    /// What a version consists of.
    private struct Place: Hashable {
        /// The model file.
        let model: String
        /// Whether it is in a version's folder, whose other files count too then: large models keep their weights beside
        /// the graph.
        let inFolder: Bool
    }

    /// The files of a version: the model file, and those beside it that count.
    private struct Files {
        let model: String
        let siblings: [String]

        init(_ place: Place) {
            model = place.model
            let folder = Self.folder(of: model)
            let name = model.split(separator: "/").last.map(String.init) ?? model
            let others = place.inFolder ? (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] : []
            siblings = others.filter { $0 != name && !$0.hasPrefix(".") }.sorted()
        }

        var paths: [String] { [model] + siblings.map { Self.folder(of: model) + "/" + $0 } }

        /// What the file system says of each that is there.
        var stamps: [String: Stamp] {
            Dictionary(uniqueKeysWithValues: paths.compactMap { path in Stamp(path).map { (path, $0) } })
        }

        private static func folder(of model: String) -> String {
            model.lastIndex(of: "/").map { String(model[..<$0]) } ?? "."
        }
    }

    /// A version that was hashed, or will be.
    private struct Version {
        let stamps: [String: Stamp]
        let hash: VersionHash
    }

    private struct State {
        var versions: [Place: Version] = [:]
        /// By path.
        var digests: [String: (stamp: Stamp, digest: [UInt8])] = [:]
    }

    private let state = Mutex(State())
    private let isOver = Atomic(false)

    /// The hash of a version: the same object for as long as its files are the same.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - inFolder: Whether it is in a version's folder, whose other files count too then.
    ///   - isLater: Whether files that nothing is known of are left to ``findPending()``.
    /// - Returns: `missing` if the model file can't be read.
    /// - Note: Reads files: blocks its thread.
    func hash(ofModel model: String, inFolder: Bool, isLater: Bool = false) -> VersionHash {
        let place = Place(model: model, inFolder: inFolder)
        let files = Files(place)
        let stamps = files.stamps
        let known = state.withLock { $0.versions[place] }
        if let known, known.stamps == stamps { return known.hash }
        var hash = VersionHash()
        if stamps[model] == nil || known != nil || !isLater {
            let (text, isWhole) = text(of: files)
            hash = VersionHash(text ?? "missing")
            if let known, known.hash == hash { hash = known.hash }
            // What couldn't be read is tried again with the next look.
            guard isWhole else { return hash }
        }
        state.withLock { $0.versions[place] = Version(stamps: stamps, hash: hash) }
        return hash
    }

    /// Reads what was left for later, until ``stop()``. What was touched meanwhile, or can't be read, stays unknown.
    ///
    /// - Note: Reads files: blocks its thread.
    func findPending() {
        let pending = state.withLock { $0.versions.filter { $0.value.hash.text == nil } }
        for (place, version) in pending where !isOver.load(ordering: .relaxed) {
            let (text, isWhole) = text(of: Files(place)) { self.isOver.load(ordering: .relaxed) }
            guard let text, isWhole, Files(place).stamps == version.stamps else { continue }
            version.hash.found(text)
        }
    }

    /// Has ``findPending()`` return.
    func stop() { isOver.store(true, ordering: .relaxed) }

    /// `sha256:` and the digest in hexadecimal, `nil` if the model file can't be read; and whether all files could be, before
    /// it was over.
    private func text(of files: Files, isOver: () -> Bool = { false }) -> (String?, isWhole: Bool) {
        let paths = files.paths
        guard let digest = digest(of: paths[0], isOver) else { return (nil, false) }
        guard paths.count > 1 else { return (Self.text(digest), true) }
        var all = SHA256()
        all.update(data: digest)
        var isWhole = true
        for (name, path) in zip(files.siblings, paths.dropFirst()) {
            guard let digest = self.digest(of: path, isOver) else {
                // Folders and the like have no content.
                isWhole = isWhole && Stamp(path) == nil
                continue
            }
            all.update(data: Array(name.utf8) + [0])
            all.update(data: digest)
        }
        return (Self.text(Array(all.finalize())), isWhole)
    }

    private static func text(_ digest: [UInt8]) -> String {
        "sha256:" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `nil` if it isn't a file that can be read.
    private func digest(of path: String, _ isOver: () -> Bool) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, let stamp = Stamp(status) else { return nil }
        if let entry = state.withLock({ $0.digests[path] }), entry.stamp == stamp { return entry.digest }
        guard let digest = Self.read(descriptor, isOver) else { return nil }
        state.withLock { $0.digests[path] = (stamp, digest) }
        return digest
    }

    /// `nil` if it can't be read, or reading was over before.
    private static func read(_ descriptor: Int32, _ isOver: () -> Bool) -> [UInt8]? {
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while !isOver() {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { return nil }
            if count == 0 { return Array(hash.finalize()) }
            hash.update(data: buffer[..<count])
        }
        return nil
    }
}
