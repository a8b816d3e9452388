import Foundation
import MantaStore
import MantaTestKit
import Testing

/// Real processes around real files.
@Suite("A store and other processes")
struct StoreProcessTests {
    let folder: TemporaryFolder
    var path: String { folder.path + "/store.db" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("what was acknowledged is there after kill -9 at any moment")
    func killed() async throws {
        let seed: UInt64 = 0x6B69_6C6C
        var random = SeededGenerator(seed: seed)
        var acknowledged = 0
        for round in 0..<20 {
            let writer = try await WriterProcess(["put", path])
            // It goes on while the signal is under way, so the moment is any.
            var lines = await writer.lines(.random(in: 0...40, using: &random))
            writer.kill()
            lines += await writer.end()
            #expect(lines.allSatisfy { $0 == "open" || Int($0) != nil }, "seed \(seed), round \(round): \(lines)")
            acknowledged = lines.last.flatMap { Int($0) } ?? acknowledged

            let store = try await EmbeddedStore.open(path: path)
            let value = try await store.get("number").map { String(decoding: $0.value, as: UTF8.self) }
            let number = value.flatMap { Int($0) } ?? 0
            // One more may have been written and not acknowledged.
            #expect(
                number == acknowledged || number == acknowledged + 1,
                "seed \(seed), round \(round): \(acknowledged) was acknowledged, \(number) is there")
            acknowledged = number
            await store.close()
        }
        #expect(acknowledged > 100)
    }

    @Test("a process killed while it makes the file leaves none or a whole one")
    func killedWhileMaking() async throws {
        var random = SeededGenerator(seed: 0x6D61_6B65)
        for round in 0..<20 {
            let path = "\(folder.path)/\(round).db"
            let writer = try await WriterProcess(["hold", path])
            // Not waiting for anything: the moment is random on purpose.
            let delay = UInt32.random(in: 0...30_000, using: &random)
            try await onThread { _ = usleep(delay) }
            writer.kill()
            _ = await writer.end()

            let store = try await EmbeddedStore.open(path: path)
            try await store.put("a", [])
            await store.close()
        }
    }

    @Test("a store that another process has open is refused until that ends")
    func locked() async throws {
        let holder = try await WriterProcess(["hold", path])
        #expect(await holder.lines(1) == ["open"])

        await expectError(.locked, "\(path) is locked by another process") {
            try await EmbeddedStore.open(path: path)
        }

        _ = await holder.end()
        let store = try await EmbeddedStore.open(path: path)
        await store.close()
    }

    @Test("a file that may not be written is refused")
    func readOnly() async throws {
        let store = try await EmbeddedStore.open(path: path)
        try await store.put("a", [1])
        await store.close()
        let before = try Data(contentsOf: URL(filePath: path))
        try setMode(0o444, of: path)
        try setMode(0o777, of: folder.path)

        // Nothing is read-only to the superuser.
        let launcher = geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"] : []
        let lines = try await WriterProcess(["put", path], launcher: launcher).end()
        #expect(lines == ["error: \(path) can't be read and written: Permission denied"])
        try setMode(0o555, of: folder.path)
        let inFolder = try await WriterProcess(["put", path], launcher: launcher).end()
        #expect(inFolder == ["error: \(path) can't be written: its folder: Permission denied"])
        try setMode(0o755, of: folder.path)

        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test("a full disk refuses puts, keeps what it has and works again once there is room")
    func fullDisk() async throws {
        let writer = try await WriterProcess(["fill", path, "200000"])
        let lines = await writer.end()

        let failure = try #require(lines.first).split(separator: " ")
        let count = try #require(Int(failure[0]))
        #expect(count > 5 && count < 20)
        #expect(failure[1] == "unavailable")
        #expect(lines.dropFirst() == ["\(count)", "works again"])
        let store = try await EmbeddedStore.open(path: path)
        #expect(try await store.list(prefix: "").entries.count == count + 1)
        await store.close()
    }

    private func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}
