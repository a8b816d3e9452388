import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// Where the files of an object store are. Everything it does blocks.
///
/// - `ab/cdef…`: a whole object, by the digits of its name
/// - `partial/abcdef…` and `partial/abcdef….ranges`: one that is being fetched, and the record of what is there
/// - `temporary/…`: what is being written; worthless to the next process
/// - `lock`: locked by the process that has the folder
struct ObjectFolder: Sendable {
    let path: String

    /// A file that was found.
    struct Found {
        let id: ObjectID
        let byteCount: Int
        /// When it was last used, in nanoseconds of the machine's calendar.
        let used: Int
    }

    private static let rangesSuffix = ".ranges"

    func file(of id: ObjectID) -> String { "\(folder(of: id))/\(id.description.dropFirst(2))" }
    func partialFile(of id: ObjectID) -> String { "\(path)/partial/\(id)" }
    func rangesFile(of id: ObjectID) -> String { partialFile(of: id) + Self.rangesSuffix }
    func temporaryFile() -> String { "\(path)/temporary/\(UUID())" }
    private func folder(of id: ObjectID) -> String { "\(path)/\(id.description.prefix(2))" }

    /// Makes the folder if there is none, locks it and removes what another process left half written.
    ///
    /// - Returns: The lock, held while it lives.
    func open() throws(ObjectError) -> BlockingFile {
        for name in ["partial", "temporary"] { try make("\(path)/\(name)") }
        let lock = try BlockingFile("\(path)/lock", for: .update)
        guard lock.lock() else {
            throw ObjectError(.locked, "another process has the objects in \(path), expected none")
        }
        for name in try names(in: "\(path)/temporary") { remove("\(path)/temporary/\(name)") }
        return lock
    }

    /// Whole objects. Files of other names are left alone.
    func objects() throws(ObjectError) -> [Found] {
        var found: [Found] = []
        for prefix in try names(in: path) where prefix.utf8.count == 2 {
            for rest in try names(in: "\(path)/\(prefix)") {
                guard let id = ObjectID(prefix + rest), let file = describe(id, at: file(of: id)) else { continue }
                found.append(file)
            }
        }
        return found
    }

    /// Objects that were being fetched. Those whose record makes no sense are removed.
    func partials(chunkSize: Int) throws(ObjectError) -> [(file: Found, ranges: RangeRecord)] {
        var found: [(Found, RangeRecord)] = []
        for name in try names(in: "\(path)/partial") {
            guard let id = ObjectID(name) else {
                let whole = name.hasSuffix(Self.rangesSuffix) ? ObjectID(name.dropLast(Self.rangesSuffix.count)) : nil
                // A record without its object tells of nothing.
                if let whole, describe(whole, at: partialFile(of: whole)) == nil { removePartial(whole) }
                continue
            }
            guard let file = describe(id, at: partialFile(of: id)),
                let ranges = RangeRecord.read(rangesFile(of: id), chunkSize: chunkSize)
            else {
                removePartial(id)
                continue
            }
            found.append((file, ranges))
        }
        return found
    }

    /// Gives a file its place as a whole object, for good.
    func place(_ file: String, as id: ObjectID) throws(ObjectError) {
        try make(folder(of: id))
        guard unsafe rename(file, self.file(of: id)) == 0 else { throw .system(self.file(of: id)) }
        for folder in [folder(of: id), path] { try BlockingFile(folder, for: .read).synchronize() }
    }

    func remove(_ file: String) { _ = unsafe unlink(file) }

    /// Removes an object that was being fetched. The record last: without its record an object counts as damaged, and
    /// without its object a record as nothing.
    func removePartial(_ id: ObjectID) {
        remove(partialFile(of: id))
        remove(rangesFile(of: id))
    }

    private func describe(_ id: ObjectID, at path: String) -> Found? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let used = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
        return Found(id: id, byteCount: Int(status.st_size), used: used)
    }

    private func names(in folder: String) throws(ObjectError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw ObjectError(.unavailable, "\(folder) can't be listed: \(error)")
        }
    }

    private func make(_ folder: String) throws(ObjectError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw ObjectError(.unavailable, "\(folder) can't be made: \(error)")
        }
    }
}
