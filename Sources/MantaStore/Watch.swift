/// What is written to a store, in the order of revisions, each commit once.
///
/// ```swift
/// for try await commit in store.watch(prefix: "deployments/", after: snapshot.revision) { apply(commit.changes) }
/// ```
///
/// It ends when its task is cancelled or the store is closed. It throws ``StoreError`` of code
/// ``StoreError/Code/compacted`` if the reader is so late that the store has forgotten what comes next: list, and watch
/// again after the snapshot's revision. Reading on after a ``Commit/revision`` resumes without loss or repetition.
public struct Watch: AsyncSequence, Sendable {
    /// The first commit after a revision, waiting for it if need be; `nil` when there won't be any.
    package typealias Next = @Sendable (_ revision: Int64) async throws(StoreError) -> Commit?

    private let revision: Int64
    private let makeNext: @Sendable () -> Next

    /// The commits after `revision` that `next` finds one after the other.
    package init(after revision: Int64, next: @escaping Next) {
        self.init(after: revision) { next }
    }

    /// The commits after `revision`. Each reader asks a `Next` of its own, never twice at once, and lets go of it at its
    /// end: it may hold a connection.
    package init(after revision: Int64, eachReader makeNext: @escaping @Sendable () -> Next) {
        (self.revision, self.makeNext) = (revision, makeNext)
    }

    /// Begins after the watch's revision.
    public func makeAsyncIterator() -> Iterator {
        Iterator(revision: revision, next: makeNext())
    }

    /// A reader of its own pace.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var revision: Int64
        fileprivate let next: Next

        /// The next commit, once there is one.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(StoreError) -> Commit? {
            guard let commit = try await next(revision) else { return nil }
            revision = commit.revision
            return commit
        }

        /// The next commit, once there is one.
        public mutating func next() async throws(StoreError) -> Commit? {
            try await next(isolation: #isolation)
        }
    }
}
