import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// The folders that matter to some paths, each watched by the kernel, and what matters in each.
///
/// The watches are laid out anew whenever an entry of a folder came, went or was renamed: that costs a walk through the
/// folders, and is right however the events came about, in whatever order, and whether or not some were lost.
///
/// Unchecked Sendable: one thread makes it, one uses it after that.
final class WatchedTree: @unchecked Sendable {
    /// What matters in a folder.
    private struct Interest {
        /// All that is in it.
        var everything = false
        /// Entries of these names: what the paths and links lead through.
        var names: Set<String> = []
    }

    /// How deep below a given folder.
    private static let depth = 2
    /// As the kernel's limit of links in a path.
    private static let maxLinks = 40

    private let paths: [String]
    private let queue: InotifyQueue
    private var interests: [Int32: Interest] = [:]

    /// Watches what there is of `paths`.
    init(paths: [String]) throws(FolderWatcherError) {
        let folder = FileManager.default.currentDirectoryPath
        self.paths = paths.map { $0.hasPrefix("/") ? $0 : folder + "/" + $0 }
        queue = try InotifyQueue()
        try layOut()
    }

    /// Gives the kernel's resources back.
    func close() {
        queue.close()
    }

    /// Blocks until something happens, or returns false once `stop` is sent.
    func wait(orFor stop: StopSignal) throws(FolderWatcherError) -> Bool {
        try queue.wait(orFor: stop)
    }

    /// Takes in what has happened. Returns whether something that matters may have changed.
    func update() throws(FolderWatcherError) -> Bool {
        var matters = false
        var isMoved = false
        for event in try queue.read() {
            if event.isOverflow { (matters, isMoved) = (true, true) }
            // Events of watches that were given up meanwhile have no interest.
            guard let interest = interests[event.watch] else { continue }
            guard interest.everything || event.name.isEmpty || interest.names.contains(event.name) else { continue }
            if event.changesTree { isMoved = true }
            matters = true
        }
        if isMoved { try layOut() }
        return matters
    }

    // MARK: - Laying out

    private func layOut() throws(FolderWatcherError) {
        var laid: [Int32: Interest] = [:]
        for path in paths {
            try follow(path, &laid)
            try watch(path, depth: Self.depth, &laid)
        }
        for watch in interests.keys where laid[watch] == nil { queue.remove(watch) }
        interests = laid
    }

    /// Watches each folder that the path leads through, link by link, as far as there is something.
    private func follow(_ path: String, _ laid: inout [Int32: Interest]) throws(FolderWatcherError) {
        var folder = ""
        var rest = Array(path.split(separator: "/").reversed())
        var links = 0
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                folder = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? ""
                continue
            }
            // Watched before it is looked at: what changes in between is an event.
            guard let watch = try queue.add(folder.isEmpty ? "/" : folder, forContent: rest.isEmpty) else { return }
            laid[watch, default: Interest()].names.insert(String(name))
            let entry = folder + "/" + name
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: entry) else {
                folder = entry
                continue
            }
            links += 1
            guard links <= Self.maxLinks else { return }
            if target.hasPrefix("/") { folder = "" }
            rest += target.split(separator: "/").reversed()
        }
    }

    /// Watches a folder and so many levels below; nothing if it isn't a folder.
    private func watch(_ path: String, depth: Int, _ laid: inout [Int32: Interest]) throws(FolderWatcherError) {
        guard let watch = try queue.add(path, forContent: true) else { return }
        laid[watch, default: Interest()].everything = true
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where !name.hasPrefix(".") {
            let entry = path + "/" + name
            var status = stat()
            guard unsafe lstat(entry, &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            if kind == S_IFLNK { try follow(entry, &laid) }
            if depth > 0, kind == S_IFLNK || kind == S_IFDIR { try self.watch(entry, depth: depth - 1, &laid) }
        }
    }
}
