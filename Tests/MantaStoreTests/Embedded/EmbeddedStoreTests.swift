import GRDB
import MantaTestKit
import MantaTime
import Testing

@testable import MantaStore

@Suite("The embedded store")
struct EmbeddedStoreTests {
    let folder: TemporaryFolder
    var path: String { folder.path + "/store.db" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("everything is there after a restart, and revisions go on")
    func restart() async throws {
        var store = try await EmbeddedStore.open(path: path)
        try await store.put("kept", [1, 2])
        try await store.put("deleted", [])
        let last = try await store.delete("deleted")
        let before = try await store.list(prefix: "")
        await store.close()

        store = try await EmbeddedStore.open(path: path)

        #expect(try await store.list(prefix: "") == before)
        #expect(before.revision == last)
        #expect(try await store.put("more", []) == last + 1)
        #expect(try await store.commits(1, after: last).first?.revision == last + 1)
        await expectError(.compacted) { try await store.commits(1, after: last - 1) }
        await store.close()
    }

    @Test("leases live on after a restart, for their whole time, and end then")
    func leasesAfterRestart() async throws {
        let time = ManualTime()
        var store = try await EmbeddedStore.open(path: path, time: time)
        let lease = try await store.grantLease(.milliseconds(1_500))
        let start = try await store.put("a", [], lease: lease.id)
        time.advance(by: .milliseconds(1_499))
        await store.close()

        store = try await EmbeddedStore.open(path: path, time: time)
        async let running: Void = store.run()
        time.advance(by: .milliseconds(1_499))
        #expect(try await store.keepAlive(lease.id) == .milliseconds(1_500))
        time.advance(by: .milliseconds(1_500))

        #expect(try await store.commits(1, after: start).first?.changes == [.deleted("a")])
        #expect(try await store.grantLease(.seconds(1)).id != lease.id)
        await store.close()
        await running
    }

    @Test("a watch ahead of the store, as after an older file was brought back, is told to list again")
    func watchAhead() async throws {
        let store = try await EmbeddedStore.open(path: nil)
        await expectError(.compacted, "after revision 9 can't be answered, expected one of 0 to 0") {
            try await store.commits(1, after: 9)
        }
    }

    @Test("closing finishes what was asked for and refuses the rest")
    func closing() async throws {
        let store = try await EmbeddedStore.open(path: path)
        let outcomes = await withTaskGroup(of: Result<Int64, StoreError>.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do throws(StoreError) {
                        return .success(try await store.put("\(number)", []))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            group.addTask {
                await store.close()
                return .success(0)
            }
            return await group.reduce(into: []) { $0.append($1) }
        }

        var acknowledged = 0
        for outcome in outcomes {
            switch outcome {
            case .success(let revision): if revision > 0 { acknowledged += 1 }
            case .failure(let error): #expect(error.code == .closed, "\(error)")
            }
        }
        let again = try await EmbeddedStore.open(path: path)
        #expect(try await again.list(prefix: "").entries.count == acknowledged)
        await again.close()
    }

    @Test("the disk has each commit before it is acknowledged, and no other process can come between")
    func settings() async throws {
        let database = try StoreFile.open(path)
        let settings = try await database.read { database in
            try ["journal_mode", "synchronous", "locking_mode"].map {
                try String.fetchOne(database, sql: "PRAGMA \($0)")
            }
        }
        #expect(settings == ["wal", "2", "exclusive"])
        try database.close()
    }

    @Test("the history forgets its oldest commits past its bounds of commits and bytes")
    func historyBounds() {
        func commit(_ revision: Int64, bytes: Int) -> Commit {
            let value = [UInt8](repeating: 0, count: bytes - 1)
            let entry = Entry(key: "k", value: value, created: revision, modified: revision)
            return Commit(revision: revision, changes: [.put(entry)])
        }
        var history = ChangeHistory(revision: 10, bounds: .init(commits: 3, bytes: 100))
        for revision in 11...14 as ClosedRange<Int64> { history.append(commit(revision, bytes: 10)) }
        #expect(history.forgotten == 11)
        #expect(history.first(after: 10, prefix: "") == .compacted)
        #expect(history.first(after: 11, prefix: "") == .commit(commit(12, bytes: 10)))
        #expect(history.first(after: 14, prefix: "") == .nothing)
        #expect(history.first(after: 11, prefix: "other") == .nothing)

        history.append(commit(15, bytes: 85))
        #expect(history.forgotten == 13)
        history.append(commit(16, bytes: 200))
        #expect(history.forgotten == 16 && history.revision == 16)
        #expect(history.first(after: 16, prefix: "") == .nothing)
    }
}
