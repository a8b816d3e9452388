import MantaTestKit
import MantaTime
import Testing

@testable import MantaStore

@Suite("A mirror of a store", .timeLimit(.minutes(1)))
struct StoreMirrorTests {
    /// Does `body` while a mirror runs.
    private func with(_ mirror: StoreMirror, _ body: () async throws -> Void) async throws {
        let running = Task { await mirror.run() }
        do { try await body() } catch { Issue.record(error) }
        running.cancel()
        await running.value
    }

    /// Returns when the mirror's contents are so.
    private func wait(
        for mirror: StoreMirror, _ isWanted: (StoreMirror.Contents) -> Bool
    ) async -> StoreMirror.Contents? {
        for await contents in mirror.updates where isWanted(contents) { return contents }
        return nil
    }

    /// Embedded, with a clock that a test moves.
    private func embedded() async throws -> (FlakyStore, EmbeddedStore, ManualTime) {
        let (time, store) = (ManualTime(), try await EmbeddedStore.open(path: nil))
        return (FlakyStore(store), store, time)
    }

    @Test("it becomes what the store is, and tells what changed", arguments: StoreForm.all)
    func following(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            try await store.put("d/old", [0])
            let mirror = StoreMirror(store: store, prefix: "d/", time: subject.time)
            try await with(mirror) {
                var changes = mirror.changes.makeAsyncIterator()
                #expect(await changes.next()?.changes.map(\.key) == ["d/old"])
                for number in 0..<30 as Range<UInt8> {
                    try await store.put("d/\(number % 7)", [number])
                    if number % 5 == 0 { try await store.delete("d/\(number % 3)") }
                    if number == 15 { try await subject.forget() }
                    try await store.put("other/\(number)", [])
                }
                let last = try await store.put("d/last", [])

                var copy = Snapshot(revision: 0, entries: mirror.contents.snapshot?.entries ?? [])
                while let commit = await changes.next() {
                    copy.apply(commit)
                    if commit.changes.contains(where: { $0.key == "d/last" }) { break }
                }
                let expected = try await store.list(prefix: "d/")
                #expect(mirror.contents.snapshot?.entries == expected.entries)
                #expect(copy.entries == expected.entries)
                #expect(mirror.contents.snapshot?.revision ?? 0 >= last && mirror.contents.staleSince == nil)
            }
        }
    }

    @Test("what a watch doesn't tell is found when all is listed again")
    func silentWatch() async throws {
        let (store, inner, time) = try await embedded()
        store.change { $0.isSilent = true }
        let mirror = StoreMirror(store: store, prefix: "", time: time)
        try await with(mirror) {
            _ = await wait(for: mirror) { $0.snapshot != nil }
            let start = time.now
            await time.sleeperExists(until: start + .seconds(30))
            try await store.put("a", [1])

            time.advance(by: .seconds(30))

            let contents = await wait(for: mirror) { $0.snapshot?.entries.count == 1 }
            #expect(contents?.staleSince == nil)
        }
        await inner.close()
    }

    @Test("it keeps what it has while the store is away, tells since when, and goes on after")
    func away() async throws {
        let (store, inner, time) = try await embedded()
        try await store.put("a", [1])
        let mirror = StoreMirror(store: store, prefix: "", time: time)
        try await with(mirror) {
            let before = await wait(for: mirror) { $0.snapshot != nil }
            let start = time.now
            await time.sleeperExists(until: start + .seconds(30))
            store.change { ($0.isAway, $0.isSilent) = (true, true) }

            time.advance(by: .seconds(30))

            let stale = await wait(for: mirror) { $0.staleSince != nil }
            #expect(stale?.staleSince == start)
            #expect(stale?.snapshot == before?.snapshot)
            try await inner.put("a", [2])
            store.change { ($0.isAway, $0.isSilent) = (false, false) }
            await time.sleeperExists(until: time.now + .seconds(5))
            time.advance(by: .seconds(5))
            let after = await wait(for: mirror) { $0.staleSince == nil }
            #expect(after?.snapshot?.entries.first?.value == [2])
        }
        await inner.close()
    }

    @Test("it starts from the file while the store is away, and the file has the last when it is back")
    func file() async throws {
        let folder = try TemporaryFolder()
        let file = SnapshotFile(path: folder.path + "/snapshot")
        let (store, inner, time) = try await embedded()
        let revision = try await store.put("a", [1])
        try await with(StoreMirror(store: store, prefix: "", file: file, time: time)) {
            while try await file.load(prefix: "")?.revision != revision { await Task.yield() }
        }
        let saved = try await file.load(prefix: "")
        store.change { $0.isAway = true }

        let mirror = StoreMirror(store: store, prefix: "", file: file, time: time)
        try await with(mirror) {
            let contents = await wait(for: mirror) { $0.snapshot != nil }
            #expect(contents?.snapshot == saved && contents?.staleSince != nil)
            let next = try await inner.put("a", [2])
            store.change { $0.isAway = false }
            await time.sleeperExists(until: time.now + .seconds(5))
            time.advance(by: .seconds(5))
            while try await file.load(prefix: "")?.revision != next { await Task.yield() }
            #expect(mirror.fileFault == nil)
        }
        await inner.close()
    }

    @Test("a damaged file is told and left, and the mirror works without it")
    func damagedFile() async throws {
        let folder = try TemporaryFolder()
        try folder.write("manta-snapshot 1 sha256:0\n{}", to: "snapshot")
        let (store, inner, time) = try await embedded()
        try await store.put("a", [1])
        let file = SnapshotFile(path: folder.path + "/snapshot")
        let mirror = StoreMirror(store: store, prefix: "", file: file, time: time)
        try await with(mirror) {
            _ = await wait(for: mirror) { $0.snapshot != nil }
            while mirror.fileFault == nil { await Task.yield() }
            #expect(mirror.fileFault?.code == .damaged)
        }
        await expectError(.damaged) { try await file.load(prefix: "") }
        await inner.close()
    }

    @Test("an older list is ignored, but for a store that stays behind: an older copy of it was brought back")
    func older() async throws {
        let (store, inner, time) = try await embedded()
        try await store.put("a", [1])
        let old = try await store.list(prefix: "")
        try await store.put("a", [2])
        let mirror = StoreMirror(store: store, prefix: "", time: time)
        try await with(mirror) {
            let known = await wait(for: mirror) { $0.snapshot != nil }
            store.change { ($0.list, $0.isSilent) = (old, true) }
            await time.sleeperExists(until: time.now + .seconds(30))

            time.advance(by: .seconds(30))
            await time.sleeperExists(until: time.now + .seconds(30))
            #expect(mirror.contents == known)
            time.advance(by: .seconds(30))

            let back = await wait(for: mirror) { $0.snapshot?.revision == old.revision }
            #expect(back?.snapshot == old)
        }
        await inner.close()
    }

    @Test("a store that has forgotten what comes next each time is listed again and again, with a delay")
    func forgetful() async throws {
        let (store, inner, time) = try await embedded()
        store.change { $0.isForgetful = true }
        let mirror = StoreMirror(store: store, prefix: "", time: time)
        try await with(mirror) {
            for count in 1...10 {
                await time.sleeperExists(until: time.now + .seconds(5))
                #expect(store.lists == count)
                #expect(mirror.contents.snapshot != nil && mirror.contents.staleSince == nil)
                time.advance(by: .seconds(5))
            }
        }
        await inner.close()
    }

    @Test("what is different between two snapshots makes one the other")
    func differences() {
        let seed: UInt64 = 0x6D69_7272
        var random = SeededGenerator(seed: seed)
        func snapshot(_ revision: Int64) -> Snapshot {
            let keys = ["a", "a/", "b", "\u{E9}", "e\u{301}", "z"].filter { _ in Bool.random(using: &random) }
            let entries = keys.map {
                Entry(key: $0, value: [], created: 1, modified: Int64.random(in: 1...2, using: &random))
            }
            return Snapshot(
                revision: revision,
                entries: entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
        }
        for _ in 0..<500 {
            let (old, new) = (snapshot(1), snapshot(2))
            var copy = old
            copy.apply(Commit(revision: 2, changes: new.changes(since: old)))
            #expect(copy == new, "seed \(seed)")
        }
    }
}
