import Crypto
import FoundationEssentials
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Tells whether the files of a version are still the same, by the SHA-256 of their names and contents.
///
/// Files that haven't been touched since the last look aren't read again.
package final class ContentHash: Sendable {
    /// What the file system says of a file. As long as it stays, so has the content.
    private struct Stamp: Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Int64
        let changed: Int64
    }

    private let known = Mutex<[String: (stamp: Stamp, digest: [UInt8])]>([:])

    package init() {}

    /// `sha256:` and the digest in hexadecimal.
    ///
    /// - Parameters:
    ///   - model: The model file.
    ///   - inFolder: Whether it is in a version's folder, whose other files count too then: large models keep their
    ///     weights beside the graph.
    /// - Returns: `missing` if the model file can't be read.
    /// - Note: Reads files: blocks its thread.
    func hash(ofModel model: String, inFolder: Bool) -> String {
        guard let digest = digest(of: model) else { return "missing" }
        let folder = model.lastIndex(of: "/").map { String(model[..<$0]) } ?? "."
        let name = model.split(separator: "/").last.map(String.init) ?? model
        let others = inFolder ? (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] : []
        let siblings = others.filter { $0 != name && !$0.hasPrefix(".") }.sorted()
        guard !siblings.isEmpty else { return Self.text(digest) }
        var all = SHA256()
        all.update(data: digest)
        for sibling in siblings {
            guard let digest = self.digest(of: folder + "/" + sibling) else { continue }
            all.update(data: Array(sibling.utf8) + [0])
            all.update(data: digest)
        }
        return Self.text(Array(all.finalize()))
    }

    private static func text(_ digest: [UInt8]) -> String {
        "sha256:" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `nil` if it isn't a file that can be read.
    private func digest(of path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let stamp = Stamp(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            changed: Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec))
        if let entry = known.withLock({ $0[path] }), entry.stamp == stamp { return entry.digest }
        guard let digest = Self.read(descriptor) else { return nil }
        known.withLock { $0[path] = (stamp, digest) }
        return digest
    }

    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { return nil }
            if count == 0 { return Array(hash.finalize()) }
            hash.update(data: buffer[..<count])
        }
    }
}
