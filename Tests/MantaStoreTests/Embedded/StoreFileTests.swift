import FoundationEssentials
import GRDB
import MantaTestKit
import Testing

@testable import MantaStore

/// Files that aren't what a store wrote are refused, and left as they are.
@Suite("Damaged files")
struct StoreFileTests {
    let folder: TemporaryFolder
    var path: String { folder.path + "/store.db" }
    private static let large = {
        var random = SeededGenerator(seed: 2)
        return (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    }()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

    /// A store with some entries, a large one and a lease.
    private func fill() async throws {
        let store = try await EmbeddedStore.open(path: path)
        for number in 0..<200 { try await store.put("key \(number)", [UInt8](repeating: UInt8(number), count: 50)) }
        try await store.put("large", Self.large)
        let lease = try await store.grantLease(.seconds(10))
        try await store.put("leased", [], lease: lease.id)
        await store.close()
    }

    /// Expects that the file is refused with this error, twice, and isn't touched.
    private func expectRefusal(
        _ code: StoreError.Code, _ text: String = "", location: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try bytes()
        for _ in 0..<2 {
            await expectError(code, text, location: location) { try await EmbeddedStore.open(path: path) }
            await expectError(code, path, location: location) { try await EmbeddedStore.open(path: path) }
        }
        #expect(try bytes() == before, sourceLocation: location)
    }

    /// Changes the file through SQLite.
    private func alter(_ sql: String) async throws {
        let database = try DatabaseQueue(path: path)
        try await database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
    }

    @Test("bytes that were never a database")
    func garbage() async throws {
        var random = SeededGenerator(seed: 1)
        try folder.write((0..<10_000).map { _ in UInt8.random(in: 0...255, using: &random) }, to: "store.db")
        try await expectRefusal(.damaged, "move it away")
    }

    @Test("a text file, and an empty one", arguments: [String(repeating: "deployments: []\n", count: 100), "a", ""])
    func text(content: String) async throws {
        try folder.write(content, to: "store.db")
        try await expectRefusal(.damaged, "move it away")
    }

    @Test("a file cut short, anywhere", arguments: [1, 100, 4_095, 4_096, 8_192, 10_000, 20_480])
    func truncated(length: Int) async throws {
        try await fill()
        try folder.write(Array(try bytes().prefix(length)), to: "store.db")
        try await expectRefusal(.damaged, "is damaged")
    }

    @Test("any page overwritten, with zeros, with ones or with another page: never wrong entries")
    func overwrittenPages() async throws {
        try await fill()
        let original = try bytes()
        let store = try await EmbeddedStore.open(path: path)
        let entries = try await store.list(prefix: "").entries
        await store.close()
        let pages = stride(from: 0, to: original.count, by: 4_096).map { $0..<$0 + 4_096 }
        #expect(pages.count > 8 && entries.count == 202)

        var refusals = 0
        for (index, page) in pages.enumerated() {
            for replacement in [
                [UInt8](repeating: 0, count: 4_096), [UInt8](repeating: 255, count: 4_096),
                Array(original[pages[(index + 1) % pages.count]]),
            ] {
                var damaged = original
                damaged.replaceSubrange(page, with: replacement)
                try folder.write(damaged, to: "store.db")
                do throws(StoreError) {
                    // Two small tables look alike when one has the page of the other.
                    let store = try await EmbeddedStore.open(path: path)
                    #expect(try await store.list(prefix: "").entries == entries, "page \(index)")
                    await store.close()
                } catch {
                    #expect(error.code == .damaged && error.message.contains(path), "page \(index): \(error)")
                    #expect(try bytes() == damaged, "page \(index)")
                    refusals += 1
                }
            }
        }
        #expect(refusals >= pages.count * 3 - 2)
    }

    @Test("one bit of a value flipped")
    func flippedBit() async throws {
        let store = try await EmbeddedStore.open(path: path)
        try await store.put("key", Array("a value to be found".utf8))
        await store.close()
        var bytes = try bytes()
        let index = try #require(bytes.firstRange(of: Array("a value to be found".utf8))).lowerBound
        bytes[index + 4] ^= 1
        try folder.write(bytes, to: "store.db")
        try await expectRefusal(.damaged, "the value of key \"key\" is not what was written")
    }

    @Test("a revision behind its entries, a lease that is gone, a missing table, an old schema")
    func inconsistencies() async throws {
        for (sql, text) in [
            ("UPDATE state SET revision = 7", "its revision is 7, expected 202 or later"),
            ("DELETE FROM state", "the table of the revision is empty"),
            ("PRAGMA foreign_keys = OFF; DELETE FROM lease", "a key has a lease that there isn't"),
            ("PRAGMA user_version = 0", "its schema is 0, expected 1"),
        ] {
            let folder = try TemporaryFolder()
            let tests = StoreFileTests(folder: folder)
            try await tests.fill()
            try await tests.alter(sql)
            try await tests.expectRefusal(.damaged, text)
        }
    }

    private init(folder: TemporaryFolder) {
        self.folder = folder
    }

    @Test("a database of another program")
    func foreign() async throws {
        try await alter("CREATE TABLE songs (title TEXT)")
        try await expectRefusal(.foreign, "its application id is 0, expected \(StoreFile.applicationID)")
    }

    @Test("a file of a newer version")
    func newer() async throws {
        try await fill()
        try await alter("PRAGMA user_version = 2")
        try await expectRefusal(.foreign, "its schema is 2, expected 1 at most. Run that version")
    }

    @Test("a write-ahead log without its file")
    func orphanLog() async throws {
        try folder.write("anything", to: "store.db-wal")
        await expectError(.damaged, path + "-wal") { try await EmbeddedStore.open(path: path) }
        #expect(try Data(contentsOf: URL(filePath: path + "-wal")) == Data("anything".utf8))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("commits that are only in the log are there, and beside a damaged file the log stays as it is")
    func log() async throws {
        try await fill()
        let database = try StoreFile.open(path)
        _ = try await database.write { try $0.apply(Transaction(then: [.put("logged", [])])) }
        // As after a kill: the file and its log, which a proper end would have merged into the file.
        let log = [UInt8](try Data(contentsOf: URL(filePath: path + "-wal")))
        var file = try bytes()
        try database.close()

        try folder.write(file, to: "store.db")
        try folder.write(log, to: "store.db-wal")
        let store = try await EmbeddedStore.open(path: path)
        #expect(try await store.get("logged") != nil)
        await store.close()

        let large = try #require(file.firstRange(of: Self.large[10_000..<10_100])).lowerBound
        file[large + 50] ^= 1
        try folder.write(file, to: "store.db")
        try folder.write(log, to: "store.db-wal")
        try await expectRefusal(.damaged, "the value of key \"large\"")
        #expect([UInt8](try Data(contentsOf: URL(filePath: path + "-wal"))) == log)
    }

    @Test("a store whose making was interrupted is made anew")
    func interruptedMaking() async throws {
        for suffix in ["", "-wal", "-journal"] { try folder.write("half", to: "store.db.new" + suffix) }
        let store = try await EmbeddedStore.open(path: path)
        try await store.put("a", [])
        await store.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["store.db"])
    }

    @Test("a folder that isn't there, and a folder in the file's place")
    func folders() async throws {
        await expectError(.unavailable, "No such file or directory") {
            try await EmbeddedStore.open(path: folder.path + "/none/store.db")
        }
        try folder.write("", to: "store.db/file")
        await expectError(.unavailable, path) { try await EmbeddedStore.open(path: path) }
        #expect(FileManager.default.fileExists(atPath: path + "/file"))
    }
}
