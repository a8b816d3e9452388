public import MantaTime
import Synchronization

/// A copy of what a store has under a prefix, kept up to date for as long as the store answers, and kept when it doesn't.
///
/// ```swift
/// let mirror = StoreMirror(store: store, prefix: "deployments/", file: SnapshotFile(path: path))
/// async let mirroring: Void = mirror.run()
/// for await commit in mirror.changes { apply(commit.changes) }
/// ```
///
/// It lists, watches from there, and lists again at an interval and after each failure: a watch is only a hint. What is
/// older than what it has is ignored, unless the store stays behind for a whole interval: then an older copy of it was
/// brought back.
public final class StoreMirror: Sendable {
    /// What is known of the store.
    public struct Contents: Sendable, Equatable {
        /// The entries; `nil` while nothing is known.
        public var snapshot: Snapshot?
        /// When the store last answered, if it doesn't now, and the snapshot may be old; `nil` if it does. For one that
        /// came from the file, when the mirror was made. It may take an interval until a store that is away is noticed.
        public var staleSince: Instant?
    }

    private struct Progress {
        /// When the store last answered.
        var answered: Instant
        /// Since when the store's lists are older than what is here.
        var behindSince: Instant?
        var fileFault: StoreError?
        /// What came from the file.
        var loaded: Snapshot?
    }

    private static let firstDelay = Duration.milliseconds(100)
    private static let longestDelay = Duration.seconds(5)
    /// A file is written at most once in so long.
    private static let saveInterval = Duration.seconds(1)

    private let store: any Store
    private let prefix: String
    private let file: (any SnapshotKeeper)?
    private let interval: Duration
    private let time: any TimeSource
    private let progress: Mutex<Progress>
    private let latest: Latest<Contents>

    /// Knows nothing yet.
    ///
    /// - Parameters:
    ///   - store: The store.
    ///   - prefix: What the mirrored keys begin with.
    ///   - file: Where the last snapshot is kept, for a start while the store is away.
    ///   - interval: How often all is listed again.
    ///   - time: The clock.
    public init(
        store: any Store, prefix: String, file: (any SnapshotKeeper)? = nil, interval: Duration = .seconds(30),
        time: any TimeSource = MachineTime()
    ) {
        (self.store, self.prefix, self.file) = (store, prefix, file)
        (self.interval, self.time) = (interval, time)
        progress = Mutex(Progress(answered: time.now))
        latest = Latest(Contents(snapshot: nil, staleSince: time.now))
    }

    /// What is known now.
    public var contents: Contents { latest.value }

    /// What is known now and becomes known: the entries and whether they may be old.
    public var updates: Updates<Contents> { Updates(latest: latest) }

    /// What changes: first all that is there, then what is different each time. A reader that is late gets several
    /// changes as one, with the last revision, and no key twice.
    public var changes: Changes { Changes(updates: updates) }

    /// Why the file can't be read or written, if it can't; the mirror works without it.
    public var fileFault: StoreError? { progress.withLock { $0.fileFault } }

    /// Mirrors until the task is cancelled or the store is closed. Call it once.
    public func run() async {
        await withDiscardingTaskGroup { group in
            if let file { group.addTask { await self.save(to: file) } }
            await mirror()
            group.cancelAll()
        }
        latest.end()
    }

    private func mirror() async {
        var failures = 0
        while !Task.isCancelled {
            let error: StoreError?
            do throws(StoreError) {
                let snapshot = try await store.list(prefix: prefix)
                listed(snapshot)
                error = await follow(after: contents.snapshot?.revision ?? snapshot.revision)
            } catch let failure {
                error = failure
            }
            guard let error, !Task.isCancelled else {
                failures = 0
                continue
            }
            // A store that has forgotten what comes next answers.
            if error.code != .compacted { await failed() }
            if error.code == .closed { return }
            let delay = min(Self.longestDelay, Self.firstDelay * (1 << min(failures, 10)))
            failures += 1
            try? await time.sleep(until: time.now + delay * (0.5 + time.jitter() / 2))
        }
    }

    /// Takes what a watch tells until it is time to list again; returns why it ended before.
    private func follow(after revision: Int64) async -> StoreError? {
        let next = time.now + interval
        return await withTaskGroup(of: StoreError?.self) { [store, prefix, time] group in
            group.addTask {
                do throws(StoreError) {
                    for try await commit in store.watch(prefix: prefix, after: revision) { self.told(commit) }
                    return StoreError(.closed, "the store is closed")
                } catch {
                    return error
                }
            }
            group.addTask {
                try? await time.sleep(until: next)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private func listed(_ snapshot: Snapshot) {
        let now = time.now
        let known = contents.snapshot?.revision ?? 0
        let isTaken = progress.withLock { [interval] progress in
            progress.answered = now
            guard snapshot.revision < known else {
                progress.behindSince = nil
                return true
            }
            let since = progress.behindSince ?? now
            progress.behindSince = since
            guard now - since >= interval else { return false }
            progress.behindSince = nil
            return true
        }
        latest.update { contents in
            let new = Contents(snapshot: isTaken ? snapshot : contents.snapshot, staleSince: nil)
            defer { contents = new }
            return new != contents
        }
    }

    private func told(_ commit: Commit) {
        progress.withLock { $0.answered = time.now }
        latest.update { contents in
            guard commit.revision > contents.snapshot?.revision ?? 0 else { return false }
            contents.snapshot?.apply(commit)
            contents.staleSince = nil
            return true
        }
    }

    /// The store doesn't answer.
    private func failed() async {
        let since = progress.withLock { $0.answered }
        let kept = contents.snapshot == nil ? await load() : nil
        latest.update { contents in
            let new = Contents(snapshot: contents.snapshot ?? kept, staleSince: contents.staleSince ?? since)
            defer { contents = new }
            return new != contents
        }
    }

    // MARK: - The file

    private func load() async -> Snapshot? {
        do throws(StoreError) {
            let snapshot = try await file?.load(prefix: prefix)
            progress.withLock { $0.loaded = snapshot }
            return snapshot
        } catch {
            progress.withLock { $0.fileFault = error }
            return nil
        }
    }

    private func save(to file: any SnapshotKeeper) async {
        var saved: Snapshot?
        for await contents in updates {
            // Also when the store has gone silent since: what it said last is what a start without it needs.
            guard let snapshot = contents.snapshot, snapshot != saved, snapshot != progress.withLock({ $0.loaded })
            else { continue }
            do throws(StoreError) {
                try await file.save(snapshot, prefix: prefix)
                saved = snapshot
                progress.withLock { $0.fileFault = nil }
            } catch {
                progress.withLock { $0.fileFault = error }
            }
            try? await time.sleep(until: time.now + Self.saveInterval)
        }
    }
}

extension StoreMirror {
    /// What changes in a mirror.
    public struct Changes: AsyncSequence, Sendable {
        fileprivate let updates: Updates<Contents>

        /// Begins with all that is there.
        public func makeAsyncIterator() -> Iterator {
            Iterator(updates: updates.makeAsyncIterator())
        }

        /// A reader of its own pace.
        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var updates: Updates<Contents>.Iterator
            private var known = Snapshot(revision: 0, entries: [])

            fileprivate init(updates: Updates<Contents>.Iterator) {
                self.updates = updates
            }

            /// The next changes, once there are some.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> Commit? {
                while let contents = await updates.next(isolation: actor) {
                    guard let snapshot = contents.snapshot else { continue }
                    let changes = snapshot.changes(since: known)
                    known = snapshot
                    if !changes.isEmpty { return Commit(revision: snapshot.revision, changes: changes) }
                }
                return nil
            }

            /// The next changes, once there are some.
            public mutating func next() async -> Commit? {
                await next(isolation: #isolation)
            }
        }
    }
}
