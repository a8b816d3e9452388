import MantaStore
import Testing

/// What every store tells its watchers.
@Suite("A store's watches")
struct WatchContract {
    @Test("a watch tells each commit once, in order, from before and after it began", arguments: StoreForm.all)
    func orderAndExactness(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            let first = try await store.put("a", [1])

            async let commits = store.commits(4, after: start)
            let second = try await store.put("a", [2])
            let third = try await store.delete("a")
            try await store.delete("a")
            let fourth = try await store.put("b", [3])

            #expect(
                try await commits == [
                    Commit(
                        revision: first, changes: [.put(Entry(key: "a", value: [1], created: first, modified: first))]),
                    Commit(
                        revision: second,
                        changes: [.put(Entry(key: "a", value: [2], created: first, modified: second))]),
                    Commit(revision: third, changes: [.deleted("a")]),
                    Commit(
                        revision: fourth,
                        changes: [.put(Entry(key: "b", value: [3], created: fourth, modified: fourth))]),
                ])
        }
    }

    @Test("a transaction is one commit, ordered by key, of which a watch sees its prefix", arguments: StoreForm.all)
    func transactionsAreOneCommit(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.put("b/1", [])
            let writes: [Transaction.Write] = [.put("c", []), .put("b/2", []), .delete("b/1"), .put("b", [])]

            let outcome = try await store.commit(Transaction(then: writes))

            let all = try await store.commits(1, after: start)
            #expect(all.map(\.revision) == [outcome.revision])
            #expect(all[0].changes.map(\.key) == ["b", "b/1", "b/2", "c"])
            let part = try await store.commits(1, prefix: "b/", after: start)
            #expect(part[0].changes.map(\.key) == ["b/1", "b/2"])
        }
    }

    @Test("a watch of a snapshot's prefix continues the snapshot", arguments: StoreForm.all)
    func snapshotAndWatchMeet(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let writer = Task { for number in 0..<40 { try await store.put("n/\(number)", []) } }

            let snapshot = try await store.list(prefix: "n/")
            let commits = try await store.commits(
                40 - snapshot.entries.count, prefix: "n/", after: snapshot.revision)

            let keys = snapshot.entries.map(\.key) + commits.flatMap { $0.changes.map(\.key) }
            #expect(Set(keys).count == 40 && keys.count == 40)
            try await writer.value
        }
    }

    @Test("a watch resumes from any revision without loss or repetition", arguments: StoreForm.all)
    func resumption(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            for number in 0..<20 as Range<UInt8> { try await store.put("k", [number]) }
            let all = try await store.commits(20, after: start)

            for (index, commit) in all.enumerated().dropLast() {
                let rest = try await store.commits(19 - index, after: commit.revision)
                #expect(rest == Array(all[(index + 1)...]))
            }
        }
    }

    @Test("a watch after what the store has forgotten is told to list again", arguments: StoreForm.all)
    func compaction(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.put("a", [1])
            let next = try await store.put("a", [2])
            let watch = store.watch(prefix: "a", after: start)
            var late = watch.makeAsyncIterator()
            #expect(try await late.next()?.revision == next)
            let missed = try await store.put("a", [3])

            try await subject.forget()

            await expectError(.compacted, "list again") { try await store.commits(1, after: start) }
            // One that had begun may have been sent what it would miss, but nothing is left out.
            do throws(StoreError) {
                #expect(try await late.next()?.revision == missed)
            } catch {
                #expect(error.code == .compacted && error.message.contains("list again"))
            }
            let snapshot = try await store.list(prefix: "")
            let more = try await store.put("a", [4])
            #expect(try await store.commits(1, prefix: "a", after: snapshot.revision).map(\.revision) == [more])
        }
    }

    @Test(
        "a watcher that waits is told of the next commit, however many went by that aren't its",
        arguments: StoreForm.all)
    func waitingWatchersAreNeverLate(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            async let commits = store.commits(1, prefix: "rare/", after: start)
            await subject.watchersWait(1)

            try await subject.forget()
            try await subject.forget()
            let revision = try await store.put("rare/1", [])

            #expect(try await commits.map(\.revision) == [revision])
        }
    }

    @Test("all watchers are told the same", arguments: StoreForm.all)
    func concurrentWatchers(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            try await withThrowingTaskGroup(of: [Commit].self) { group in
                for _ in 0..<20 { group.addTask { try await store.commits(40, after: start) } }
                try await withThrowingTaskGroup(of: Void.self) { writers in
                    for number in 0..<40 { writers.addTask { try await store.put("\(number)", []) } }
                    try await writers.waitForAll()
                }

                let first = try #require(try await group.next())
                #expect(first.count == 40)
                #expect(zip(first, first.dropFirst()).allSatisfy { $0.revision < $1.revision })
                for try await other in group { #expect(other == first) }
            }
        }
    }

    @Test("a cancelled watch ends and leaves the others alone", arguments: StoreForm.all)
    func cancellation(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            let leaving = Task { try await store.commits(1, after: start) }
            let staying = Task { try await store.commits(1, after: start) }
            await subject.watchersWait(2)

            leaving.cancel()
            #expect(try await leaving.value == [])
            await subject.watchersWait(1)
            let revision = try await store.put("a", [])

            #expect(try await staying.value.map(\.revision) == [revision])
            let late = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await store.commits(1, after: start)
            }
            #expect(try await late.value == [], "a task that was cancelled before gets nothing either")
        }
    }

    @Test("watches end when the store is closed", arguments: StoreForm.all)
    func closing(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let start = try await store.revision
            async let commits = store.commits(1, after: start)
            await subject.watchersWait(1)

            await subject.close()

            #expect(try await commits == [])
            await expectError(.closed) { try await store.put("a", []) }
            await expectError(.closed) { try await store.get("a") }
        }
    }
}
