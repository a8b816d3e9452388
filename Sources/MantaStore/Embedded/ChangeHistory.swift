/// The last commits of a store, as many as its bounds allow. A value.
package struct ChangeHistory {
    /// What a reader finds.
    enum Finding: Equatable {
        /// The first commit after its revision.
        case commit(Commit)
        /// Nothing yet.
        case nothing
        /// Its revision isn't within the history.
        case compacted
    }

    /// What is kept.
    package struct Bounds {
        package var commits: Int
        /// Keys and values together.
        package var bytes: Int

        /// So much.
        package init(commits: Int = 1_000, bytes: Int = 16 << 20) {
            (self.commits, self.bytes) = (commits, bytes)
        }
    }

    /// Commits up to this revision are no longer here.
    private(set) var forgotten: Int64
    /// The revision of the last commit.
    private(set) var revision: Int64
    private var commits: [Commit] = []
    private var byteCount = 0
    private let bounds: Bounds

    /// No history yet of a store at `revision`.
    package init(revision: Int64, bounds: Bounds = .init()) {
        (self.forgotten, self.revision, self.bounds) = (revision, revision, bounds)
    }

    /// The store has committed. Revisions come in order.
    mutating func append(_ commit: Commit) {
        precondition(commit.revision > revision, "revision \(commit.revision) came after \(revision)")
        revision = commit.revision
        commits.append(commit)
        byteCount += commit.byteCount
        while commits.count > bounds.commits || byteCount > bounds.bytes {
            let first = commits.removeFirst()
            byteCount -= first.byteCount
            forgotten = first.revision
        }
    }

    /// The first commit after `after` that changed keys of `prefix`, with those changes only.
    func first(after: Int64, prefix: String) -> Finding {
        guard (forgotten...revision).contains(after) else { return .compacted }
        // From the end, where most readers are.
        let start = commits.lastIndex { $0.revision <= after }.map { $0 + 1 } ?? 0
        for commit in commits[start...] {
            if let part = commit.restricted(to: prefix) { return .commit(part) }
        }
        return .nothing
    }
}

extension Commit {
    /// The changes to keys of `prefix`; `nil` if there are none.
    func restricted(to prefix: String) -> Commit? {
        // By bytes: `hasPrefix` compares characters.
        let changes = changes.filter { $0.key.utf8.starts(with: prefix.utf8) }
        return changes.isEmpty ? nil : Commit(revision: revision, changes: changes)
    }

    fileprivate var byteCount: Int {
        changes.reduce(0) { sum, change in
            guard case .put(let entry) = change else { return sum + change.key.utf8.count }
            return sum + change.key.utf8.count + entry.value.count
        }
    }
}
