// A snapshot that is carried on, and what is different between two. Values.

extension Snapshot {
    /// A later commit was done.
    mutating func apply(_ commit: Commit) {
        for change in commit.changes {
            let (index, isThere) = position(of: change.key)
            switch change {
            case .put(let entry): entries.replaceSubrange(index..<(isThere ? index + 1 : index), with: [entry])
            case .deleted: if isThere { entries.remove(at: index) }
            }
        }
        revision = commit.revision
    }

    /// Where a key is, or would be.
    private func position(of key: String) -> (index: Int, isThere: Bool) {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key.utf8.lexicographicallyPrecedes(key.utf8) { low = middle + 1 } else { high = middle }
        }
        return (low, low < entries.count && entries[low].key.utf8.elementsEqual(key.utf8))
    }

    /// What makes `former` this one, ordered by key.
    func changes(since former: Snapshot) -> [Commit.Change] {
        var changes: [Commit.Change] = []
        var old = former.entries[...]
        for entry in entries {
            while let first = old.first, first.key.utf8.lexicographicallyPrecedes(entry.key.utf8) {
                changes.append(.deleted(first.key))
                old.removeFirst()
            }
            if let first = old.first, first.key.utf8.elementsEqual(entry.key.utf8) {
                if first != entry { changes.append(.put(entry)) }
                old.removeFirst()
            } else {
                changes.append(.put(entry))
            }
        }
        return changes + old.map { .deleted($0.key) }
    }
}
