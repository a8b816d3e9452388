import MantaStore
import Testing

/// What every store does with keys.
@Suite("A store's keys")
struct KeyContract {
    @Test("a value comes back as it was put, with its revisions", arguments: StoreForm.all)
    func putAndGet(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let bytes = (0...255).map { UInt8($0) }

            let first = try await store.put("key", bytes)
            let second = try await store.put("key", [])

            #expect(second > first)
            let entry = Entry(key: "key", value: [], created: first, modified: second)
            #expect(try await store.get("key") == entry)
            #expect(try await store.list(prefix: "") == Snapshot(revision: second, entries: [entry]))
            #expect(try await store.get("other") == nil)
            let third = try await store.put("other", bytes)
            #expect(try await store.get("other")?.value == bytes)
            #expect(try await store.revision == third)
        }
    }

    @Test("a deleted key is gone, and made anew when it is put again", arguments: StoreForm.all)
    func delete(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let made = try await store.put("key", [1])

            let deleted = try await store.delete("key")

            #expect(deleted > made)
            #expect(try await store.get("key") == nil)
            #expect(try await store.delete("key") == deleted, "nothing was there to delete")
            let again = try await store.put("key", [2])
            #expect(try await store.get("key") == Entry(key: "key", value: [2], created: again, modified: again))
        }
    }

    @Test("a put or delete at a revision is refused when the key is at another", arguments: StoreForm.all)
    func compareAndSet(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            await expectError(.conflict, "key \"key\": expected revision 7") {
                try await store.put("key", [1], ifRevision: 7)
            }
            let first = try await store.put("key", [1], ifRevision: 0)
            await expectError(.conflict, "key \"key\": expected no such key") {
                try await store.put("key", [2], ifRevision: 0)
            }
            let second = try await store.put("key", [2], ifRevision: first)
            await expectError(.conflict) { try await store.put("key", [3], ifRevision: first) }
            await expectError(.conflict) { try await store.delete("key", ifRevision: first) }
            #expect(try await store.get("key")?.value == [2])
            try await store.put("other", [])
            try await store.delete("key", ifRevision: second)
            #expect(try await store.get("key") == nil)
        }
    }

    @Test("of many who claim a revision at once exactly one wins, each time", arguments: StoreForm.all)
    func racesHaveOneWinner(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            var revision: Int64 = 0
            for _ in 0..<10 {
                let winners = await withTaskGroup(of: (UInt8, Int64)?.self) { [revision] group in
                    for racer in 0..<20 as Range<UInt8> {
                        group.addTask {
                            (try? await store.put("leader", [racer], ifRevision: revision)).map { (racer, $0) }
                        }
                    }
                    return await group.reduce(into: [(UInt8, Int64)]()) { if let winner = $1 { $0.append(winner) } }
                }

                let winner = try #require(winners.first)
                #expect(winners.count == 1)
                let entry = try await store.get("leader")
                #expect(entry?.value == [winner.0] && entry?.modified == winner.1)
                revision = winner.1
            }
        }
    }

    @Test("a transaction does all of its writes at one revision, or none", arguments: StoreForm.all)
    func transactions(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let a = try await store.put("a", [1])
            let b = try await store.put("b", [1])
            let writes: [Transaction.Write] = [.put("c", [3]), .delete("a"), .put("b", [2]), .delete("nothing")]

            let refused = try await store.commit(Transaction(if: [.init("a", at: a), .init("b", at: a)], then: writes))
            #expect(refused == Outcome(succeeded: false, revision: b))
            #expect(try await store.list(prefix: "").entries.map(\.key) == ["a", "b"])

            let done = try await store.commit(
                Transaction(if: [.init("a", at: a), .init("b", at: b), .init("c", at: 0)], then: writes))
            #expect(done.succeeded && done.revision > b)
            #expect(
                try await store.list(prefix: "")
                    == Snapshot(
                        revision: done.revision,
                        entries: [
                            Entry(key: "b", value: [2], created: b, modified: done.revision),
                            Entry(key: "c", value: [3], created: done.revision, modified: done.revision),
                        ]))

            let check = try await store.commit(Transaction(if: [.init("b", at: done.revision)], then: []))
            #expect(check == done, "a transaction that changes nothing leaves the revision")
        }
    }

    @Test("what no store would do is refused and says why", arguments: StoreForm.all)
    func refusals(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            await expectError(.invalid, "a key is empty") { try await store.put("", [1]) }
            await expectError(.invalid, "key \"a\" is written twice") {
                _ = try await store.commit(Transaction(then: [.put("a", []), .delete("a")]))
            }
            let many = (0..<129).map { Transaction.Write.delete("\($0)") }
            await expectError(.invalid, "129 writes, expected at most 128") {
                _ = try await store.commit(Transaction(then: many))
            }
            await expectError(.invalid, "\"big\" take 1048579 bytes, expected at most 1048576") {
                try await store.put("big", [UInt8](repeating: 0, count: 1 << 20))
            }
            try await store.put("big", [UInt8](repeating: 1, count: (1 << 20) - 3))
            #expect(try await store.get("big")?.value.count == (1 << 20) - 3)
        }
    }

    @Test(
        "a prefix is bytes: all keys for none, no neighbours, no characters that look alike", arguments: StoreForm.all)
    func prefixes(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let composed = "\u{E9}"
            let decomposed = "e\u{301}"
            let keys = ["a", "a/", "a/1", "a0", "b", "a\u{0}", composed, decomposed, "\u{10FFFF}", "\u{10FFFF}x", "z"]
            for key in keys { try await store.put(key, Array(key.utf8)) }

            func found(_ prefix: String) async throws -> [[UInt8]] {
                let entries = try await store.list(prefix: prefix).entries
                for entry in entries { #expect(entry.value == Array(entry.key.utf8)) }
                return entries.map { Array($0.key.utf8) }
            }
            func bytes(_ keys: [String]) -> [[UInt8]] { keys.map { Array($0.utf8) } }

            #expect(try await found("").count == keys.count)
            #expect(try await found("a") == bytes(["a", "a\u{0}", "a/", "a/1", "a0"]))
            #expect(try await found("a/") == bytes(["a/", "a/1"]))
            #expect(try await found("e") == bytes([decomposed]))
            #expect(try await found(composed) == bytes([composed]))
            #expect(try await found("\u{10FFFF}") == bytes(["\u{10FFFF}", "\u{10FFFF}x"]))
            #expect(try await found("c") == [])
        }
    }

    @Test("a list is the state of one revision while others write", arguments: StoreForm.all)
    func consistentSnapshots(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<50 as Range<UInt8> {
                        let writes = ["x", "y"].map { Transaction.Write.put($0, [number]) }
                        _ = try await store.commit(Transaction(then: writes))
                    }
                }
                for _ in 0..<50 {
                    let snapshot = try await store.list(prefix: "")
                    #expect(Set(snapshot.entries.map(\.value)).count <= 1)
                    #expect(snapshot.entries.allSatisfy { $0.modified == snapshot.revision })
                }
                try await group.waitForAll()
            }
        }
    }
}
