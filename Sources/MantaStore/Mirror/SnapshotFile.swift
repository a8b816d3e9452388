import Crypto
import FoundationEssentials
import MantaThreads

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps the last good snapshot of a prefix. A protocol so that what follows from it can be simulated.
public protocol SnapshotKeeper: Sendable {
    /// The snapshot that was saved last; `nil` if there is none.
    func load(prefix: String) async throws(StoreError) -> Snapshot?

    /// Keeps a snapshot in place of the one before.
    func save(_ snapshot: Snapshot, prefix: String) async throws(StoreError)
}

/// The last good snapshot of a prefix, on the local disk, for a start while the store is away.
///
/// ```swift
/// let file = SnapshotFile(path: "/var/lib/manta/deployments.snapshot")
/// try await file.save(snapshot, prefix: "deployments/")
/// ```
///
/// It is there whole or not at all, whenever the process or the machine stops. One that is damaged, or isn't a snapshot
/// of the prefix, is refused and left as it is, also by ``save(_:prefix:)``.
public struct SnapshotFile: SnapshotKeeper {
    /// What follows the first line.
    private struct Content: Codable {
        struct Item: Codable {
            let key: String
            let value: Data
            let created: Int64
            let modified: Int64
            let lease: Int64?
        }

        let prefix: String
        let revision: Int64
        let entries: [Item]
    }

    /// Begins the first line, before the checksum.
    private static let mark = "manta-snapshot 1 sha256:"

    /// The file.
    public let path: String

    /// The file at `path`, in a folder that exists. It need not exist itself.
    public init(path: String) {
        self.path = path
    }

    /// Reads the snapshot; `nil` if there is no file.
    ///
    /// - Parameter prefix: What all of its keys begin with.
    /// - Returns: The snapshot.
    /// - Throws: ``StoreError`` of code ``StoreError/Code/damaged``, ``StoreError/Code/foreign`` or
    ///   ``StoreError/Code/unavailable``, whose message names the file and what is wrong.
    public func load(prefix: String) async throws(StoreError) -> Snapshot? {
        try await Thread.run(name: "snapshot") { () throws(StoreError) in try read(prefix) }
    }

    /// Writes a snapshot in place of the one before.
    ///
    /// - Parameters:
    ///   - snapshot: The snapshot.
    ///   - prefix: What all of its keys begin with.
    /// - Throws: As ``load(prefix:)``. What was there stays.
    public func save(_ snapshot: Snapshot, prefix: String) async throws(StoreError) {
        try await Thread.run(name: "snapshot") { () throws(StoreError) in
            _ = try read(prefix)
            try write(snapshot, prefix)
        }
    }

    // MARK: - Reading

    private func read(_ prefix: String) throws(StoreError) -> Snapshot? {
        let bytes: Data
        do {
            guard unsafe access(path, F_OK) == 0 else { return nil }
            bytes = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw StoreError(.unavailable, "\(path) can't be read: \(error)", cause: error)
        }
        guard bytes.starts(with: Self.mark.utf8) else {
            throw foreign("it doesn't begin with \"\(Self.mark)\"")
        }
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { throw damaged("its first line has no end") }
        let expected = String(decoding: bytes[Self.mark.utf8.count..<end], as: UTF8.self)
        let content = bytes[(end + 1)...]
        let found = Self.checksum(content)
        guard found == expected else {
            throw damaged("the checksum of its \(content.count) bytes is \(found), expected \(expected)")
        }
        let decoded: Content
        do {
            decoded = try JSONDecoder().decode(Content.self, from: content)
        } catch {
            throw damaged("its content can't be read: \(error)")
        }
        guard decoded.prefix.utf8.elementsEqual(prefix.utf8) else {
            throw foreign("it has the keys that begin with \"\(decoded.prefix)\", expected \"\(prefix)\"")
        }
        let entries = decoded.entries.map {
            Entry(
                key: $0.key, value: [UInt8]($0.value), created: $0.created, modified: $0.modified,
                lease: $0.lease.map(LeaseID.init(rawValue:)))
        }
        return Snapshot(revision: decoded.revision, entries: entries)
    }

    private static func checksum(_ bytes: Data) -> String {
        SHA256.hash(data: bytes).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    private func damaged(_ fault: String) -> StoreError {
        StoreError(.damaged, "\(path) is damaged: \(fault). Move it away: it is written anew from the store")
    }

    private func foreign(_ fault: String) -> StoreError {
        StoreError(.foreign, "\(path) is not a snapshot of this store: \(fault). Give another path, or move it away")
    }

    // MARK: - Writing

    private func write(_ snapshot: Snapshot, _ prefix: String) throws(StoreError) {
        let content: Data
        do {
            let items = snapshot.entries.map {
                Content.Item(
                    key: $0.key, value: Data($0.value), created: $0.created, modified: $0.modified,
                    lease: $0.lease?.rawValue)
            }
            content = try JSONEncoder().encode(Content(prefix: prefix, revision: snapshot.revision, entries: items))
        } catch {
            throw StoreError(.invalid, "\(path): the snapshot can't be written as JSON: \(error)", cause: error)
        }
        let draft = path + ".new"
        do throws(StoreError) {
            try write(Array("\(Self.mark)\(Self.checksum(content))\n".utf8) + content, to: draft)
            guard unsafe rename(draft, path) == 0 else { throw cantWrite(errno) }
        } catch {
            unsafe unlink(draft)
            throw error
        }
        // The name is on the disk when the folder is.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw cantWrite(errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw cantWrite(errno) }
    }

    private func write(_ bytes: [UInt8], to file: String) throws(StoreError) {
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw cantWrite(errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes[offset...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            guard count >= 0 || errno == EINTR else { throw cantWrite(errno) }
            offset += max(count, 0)
        }
        guard fsync(descriptor) == 0 else { throw cantWrite(errno) }
    }

    private func cantWrite(_ number: Int32) -> StoreError {
        .system(number, "\(path) can't be written")
    }
}
