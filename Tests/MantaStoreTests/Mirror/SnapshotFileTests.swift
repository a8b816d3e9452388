import Foundation
import MantaTestKit
import Testing

@testable import MantaStore

@Suite("A snapshot on the disk")
struct SnapshotFileTests {
    let folder: TemporaryFolder
    var path: String { folder.path + "/a.snapshot" }
    let snapshot = Snapshot(
        revision: 9,
        entries: [
            Entry(key: "a", value: (0...255).map { UInt8($0) }, created: 1, modified: 9, lease: LeaseID(rawValue: 3)),
            Entry(key: "a/\u{E9}\u{0}\"", value: [], created: 2, modified: 2),
            Entry(key: "ae\u{301}", value: [1], created: 2, modified: 2),
        ])

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("it comes back as it was saved, and the last one is kept")
    func roundTrip() async throws {
        let file = SnapshotFile(path: path)
        #expect(try await file.load(prefix: "a") == nil)

        try await file.save(Snapshot(revision: 1, entries: []), prefix: "a")
        try await file.save(snapshot, prefix: "a")

        #expect(try await file.load(prefix: "a") == snapshot)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.snapshot"])
    }

    @Test("one that is damaged anywhere is refused and left as it is, also when another is to be saved")
    func damaged() async throws {
        let file = SnapshotFile(path: path)
        try await file.save(snapshot, prefix: "a")
        let whole = try Data(contentsOf: URL(filePath: path))
        var random = SeededGenerator(seed: 0x736E_6170)
        for round in 0..<60 {
            var bytes = whole
            let index = Int.random(in: 0..<bytes.count, using: &random)
            if round % 3 == 0 { bytes = bytes.prefix(index) } else { bytes[index] ^= UInt8(1 << (round % 8)) }
            try bytes.write(to: URL(filePath: path))

            // What doesn't begin as ours may be anybody's.
            let isForeign = bytes.prefix(24) != whole.prefix(24)
            await expectError(isForeign ? .foreign : .damaged, path) { try await file.load(prefix: "a") }
            await expectError(isForeign ? .foreign : .damaged, path) { try await file.save(snapshot, prefix: "a") }
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
        }
    }

    @Test("another program's file, and another prefix's, are refused and left as they are")
    func foreign() async throws {
        let file = SnapshotFile(path: path)
        try folder.write("precious\n", to: "a.snapshot")
        await expectError(.foreign, "\(path) is not a snapshot") { try await file.load(prefix: "a") }
        await expectError(.foreign, "\(path) is not a snapshot") { try await file.save(snapshot, prefix: "a") }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious\n")

        let other = SnapshotFile(path: folder.path + "/other")
        try await other.save(snapshot, prefix: "a")
        await expectError(.foreign, "begin with \"a\", expected \"b\"") { try await other.load(prefix: "b") }
        await expectError(.foreign) { try await other.save(snapshot, prefix: "b") }
        #expect(try await other.load(prefix: "a") == snapshot)
    }

    @Test("a folder that isn't there is told")
    func noFolder() async throws {
        let file = SnapshotFile(path: "/no/such/folder/a")
        await expectError(.unavailable, "/no/such/folder/a can't be written: No such file") {
            try await file.save(snapshot, prefix: "a")
        }
    }
}
