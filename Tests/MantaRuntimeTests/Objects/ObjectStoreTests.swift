import FoundationEssentials
import MantaTestKit
import Testing

@testable import MantaRuntime

@Suite("Object store")
struct ObjectStoreTests {
    private func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
    }

    private func files(in folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { name in
            var isFolder = false
            return FileManager.default.fileExists(atPath: folder.path + "/" + name, isDirectory: &isFolder) && !isFolder
        }.filter { $0 != "lock" }.sorted()
    }

    private func content(_ pin: ObjectPin?) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: #require(pin).path)))
    }

    private func open(_ folder: TemporaryFolder, limit: Int = 1 << 20) async throws -> ObjectStore {
        try await ObjectStore.open(folder.path, limit: limit, chunkSize: 10)
    }

    @Test("an object that was put is found by its name, and again by the next process")
    func put() async throws {
        let (folder, source) = (try TemporaryFolder(), try TemporaryFolder())
        let (small, large) = (bytes(100), bytes(3 << 20, seed: 2))
        try source.write(large, to: "model")
        let first = try await open(folder, limit: 4 << 20)
        let ids = [try await first.put(small), try await first.put(file: source.path + "/model")]
        await first.close()
        #expect(ids == [ObjectID(of: small), ObjectID(of: large)])

        let store = try await open(folder, limit: 4 << 20)
        #expect(await store.objects == ids.sorted())
        #expect(await store.byteCount == 100 + (3 << 20))
        #expect(try content(try await store.pin(ids[0])) == small)
        #expect(try content(try await store.pin(ids[1])) == large)
        #expect(try await store.read(ids[1], 5..<25) == Array(large[5..<25]))
        await store.close()
        #expect(try files(in: folder).count == 2)
    }

    @Test("an object that is put again takes no more room")
    func putAgain() async throws {
        let folder = try TemporaryFolder()
        try folder.write(bytes(60), to: "source/file")
        let store = try await open(folder, limit: 120)
        let id = try await store.put(bytes(60))
        let pin = try await store.pin(id)
        #expect(try await store.put(bytes(60)) == id)
        #expect(try await store.put(file: folder.path + "/source/file") == id)
        #expect(await store.byteCount == 60)
        withExtendedLifetime(pin) {}
        await store.close()
    }

    @Test("an empty object is an object")
    func empty() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder, limit: 0)
        let id = try await store.put([])
        #expect(try content(try await store.pin(id)).isEmpty)
        await store.close()
    }

    @Test("what wasn't used for longest makes room, what is pinned stays, and what doesn't fit is refused")
    func eviction() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder, limit: 100)
        let ids = [
            try await store.put(bytes(40, seed: 1)), try await store.put(bytes(40, seed: 2)),
        ]
        let pin = try #require(try await store.pin(ids[0]))
        let third = try await store.put(bytes(40, seed: 3))
        #expect(await store.objects == [ids[0], third].sorted())
        #expect(try await store.pin(ids[1]) == nil)

        let error = await #expect(throws: ObjectError.self) { try await store.put(bytes(61, seed: 4)) }
        #expect(error?.message == "an object of 61 bytes was to be kept; of 100 bytes, 40 are in use")
        #expect(await store.objects == [ids[0], third].sorted())
        #expect(try content(pin) == bytes(40, seed: 1))
        await store.close()
        #expect(try files(in: folder).count == 2)
    }

    @Test("a pin that is let go of no longer keeps its object")
    func unpin() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder, limit: 100)
        let id = try await store.put(bytes(60))
        var pins = [try await store.pin(id), try await store.pin(id)]
        pins.removeLast()
        await #expect(throws: ObjectError.self) { try await store.put(bytes(50, seed: 2)) }
        pins.removeLast()
        let other = try await store.put(bytes(50, seed: 2))
        #expect(await store.objects == [other])
        await store.close()
    }

    @Test("the order of use outlives the process")
    func orderOfUse() async throws {
        let folder = try TemporaryFolder()
        let first = try await open(folder, limit: 100)
        let ids = [try await first.put(bytes(40, seed: 1)), try await first.put(bytes(40, seed: 2))]
        // Times of the same tick of the file system's clock would be equal.
        for (id, age) in zip(ids, [10.0, 5.0]) {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: first.folder.file(of: id))
        }
        _ = try await first.pin(ids[0])
        await first.close()
        let store = try await open(folder, limit: 100)
        let third = try await store.put(bytes(40, seed: 3))
        #expect(await store.objects == [ids[0], third].sorted())
        await store.close()
    }

    @Test("a smaller bound makes what is too much go when the store is opened")
    func smallerBound() async throws {
        let folder = try TemporaryFolder()
        let first = try await open(folder)
        for seed in 1...5 { _ = try await first.put(bytes(40, seed: UInt64(seed))) }
        await first.close()
        let second = try await open(folder, limit: 100)

        #expect(await second.objects.count == 2)
        #expect(try files(in: folder).count == 2)
    }

    @Test("a damaged object is found before it is used, and removed")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        let first = try await open(folder)
        let id = try await first.put(bytes(100))
        await first.close()
        var wrong = bytes(100)
        wrong[50] ^= 1
        try folder.write(wrong, to: "\(id.description.prefix(2))/\(id.description.dropFirst(2))")

        let store = try await open(folder)
        let error = await #expect(throws: ObjectError.self) { try await store.pin(id) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains(ObjectID(of: wrong).description) == true)
        #expect(try await store.pin(id) == nil)
        #expect(try await store.put(bytes(100)) == id)
        #expect(try content(try await store.pin(id)) == bytes(100))
        await store.close()
    }

    @Test("what somebody else removed isn't there")
    func removed() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder)
        let id = try await store.put(bytes(100))
        try FileManager.default.removeItem(atPath: store.folder.file(of: id))
        #expect(try await store.pin(id) == nil)
        #expect(await store.byteCount == 0)
        await store.close()
    }

    @Test("what a killed process left half written is removed, and strangers' files are left alone")
    func leftovers() async throws {
        let folder = try TemporaryFolder()
        let id = ObjectID(of: bytes(100))
        try folder.write(bytes(50), to: "temporary/something")
        try folder.write(bytes(50), to: "partial/\(id)")
        try folder.write(bytes(3), to: "partial/\(ObjectID(of: [1])).ranges")
        try folder.write("hello", to: "ab/readme")
        let store = try await open(folder)
        #expect(await store.byteCount == 0)
        #expect(await store.chunks(of: id) == nil)
        await store.close()
        #expect(try files(in: folder) == ["ab/readme"])
    }

    @Test("one process at a time has the folder")
    func locked() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder)
        let error = await #expect(throws: ObjectError.self) {
            try await ObjectStore.open(folder.path, limit: 100)
        }
        #expect(error?.code == .locked)
        await store.close()
    }

    @Test("a file that can't be read, or isn't one, leaves nothing behind")
    func unreadable() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder)
        await #expect(throws: ObjectError.self) { try await store.put(file: folder.path + "/nothing") }
        let error = await #expect(throws: ObjectError.self) { try await store.put(file: folder.path) }
        #expect(error?.code == .invalid)
        #expect(await store.byteCount == 0)
        await store.close()
        #expect(try files(in: folder).isEmpty)
    }

    @Test("ranges that came outlive the process, and only those can be read")
    func drafts() async throws {
        let folder = try TemporaryFolder()
        let all = bytes(35)
        let id = ObjectID(of: all)
        let first = try await open(folder)
        let begun = try #require(try await first.draft(id, byteCount: 35))
        #expect(begun.layout.count == 4)
        for chunk in [1, 3] {
            _ = try await first.write(Array(all[begun.layout.range(of: chunk)]), chunk: chunk, of: begun)
        }
        await first.close()
        let store = try await open(folder)
        let present = try #require(await store.chunks(of: id))
        #expect(present.present == [1, 3] && present.layout.byteCount == 35)
        #expect(try await store.read(id, 10..<20) == Array(all[10..<20]))
        #expect(try await store.read(id, 32..<35) == Array(all[32..<35]))
        for range in [9..<12, 0..<1, 30..<36] {
            let error = await #expect(throws: ObjectError.self) { try await store.read(id, range) }
            #expect(error?.code == .missing)
        }
        #expect(await store.objects.isEmpty)
        #expect(await store.byteCount == 35)

        let draft = try #require(try await store.draft(id, byteCount: 35))
        for chunk in [0, 2] {
            _ = try await store.write(Array(all[draft.layout.range(of: chunk)]), chunk: chunk, of: draft)
        }
        #expect(try content(try await store.complete(draft)) == all)
        await store.close()
        #expect(try files(in: folder).count == 1)
    }

    @Test("an object that is put while it is fetched is whole, and the fetch ends with it")
    func putWhileFetched() async throws {
        let folder = try TemporaryFolder()
        let all = bytes(35)
        let store = try await open(folder)
        let draft = try #require(try await store.draft(ObjectID(of: all), byteCount: 35))
        _ = try await store.write(Array(all[0..<10]), chunk: 0, of: draft)
        let id = try await store.put(all)
        _ = try await store.write(Array(all[10..<20]), chunk: 1, of: draft)

        #expect(try await store.draft(id, byteCount: 35) == nil)
        #expect(try content(try await store.complete(draft)) == all)
        #expect(await store.byteCount == 35)
        await store.close()
        #expect(try files(in: folder).count == 1)
    }

    @Test("what comes of a fetch nobody makes any more goes when room is needed, and not before")
    func draftsAreEvicted() async throws {
        let folder = try TemporaryFolder()
        let store = try await open(folder, limit: 50)
        var draft = try await store.draft(ObjectID(of: bytes(35)), byteCount: 35)
        await #expect(throws: ObjectError.self) { try await store.put(bytes(20, seed: 2)) }
        #expect(draft?.present == [])
        draft = nil
        _ = try await store.put(bytes(20, seed: 2))
        await store.close()
        #expect(try files(in: folder).count == 1)
    }
}
