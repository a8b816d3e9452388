import FoundationEssentials
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@testable import MantaRuntime

@Suite("Fetching objects", .timeLimit(.minutes(1)))
struct ObjectFetcherTests {
    /// A store in a folder of its own, a fetcher into it, and the nodes that have an object.
    private final class Rig: Sendable {
        let folder: TemporaryFolder
        let store: ObjectStore
        let fetcher: ObjectFetcher<SeededGenerator>
        let time = ManualTime()
        let sources: [String: FakeSource]

        init(_ id: ObjectID, _ sources: [String: FakeSource], folder: TemporaryFolder? = nil, seed: UInt64 = 1)
            async throws
        {
            self.folder = try folder ?? TemporaryFolder()
            self.sources = sources
            store = try await ObjectStore.open(self.folder.path, limit: 1 << 20, chunkSize: 100)
            fetcher = ObjectFetcher(
                into: store, time: time, pullLimit: .seconds(5), random: SeededGenerator(seed: seed)
            ) { sources[$0] ?? FakeSource([]) }
            for node in sources.keys.sorted() { await fetcher.update { $0.set(.whole, of: id, at: node) } }
        }

        /// Moves the clock on to each time that somebody waits for until `body` has ended.
        func runningClock<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
            try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { try await body() }
                group.addTask {
                    while !Task.isCancelled {
                        self.time.advance(by: .milliseconds(10))
                        await Task.yield()
                    }
                    return nil
                }
                defer { group.cancelAll() }
                guard let value = try await group.next() ?? nil else { throw CancellationError() }
                return value
            }
        }
    }

    private let bytes: [UInt8] = {
        var random = SeededGenerator(seed: 1)
        return (0..<2050).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
    }()
    private var id: ObjectID { ObjectID(of: bytes) }

    private func content(_ object: FetchedObject) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: object.pin.path)))
    }

    /// As `bytes`, but for one of them.
    private func wrong(at place: Int) -> [UInt8] {
        var wrong = bytes
        wrong[place] ^= 1
        return wrong
    }

    @Test("ranges come from all nodes that have the object, about as many from each")
    func spread() async throws {
        let rig = try await Rig(id, ["a": FakeSource(bytes), "b": FakeSource(bytes), "c": FakeSource(bytes)])
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes)
        #expect(object.liars.isEmpty)
        #expect(object.pulled.values.reduce(0, +) == bytes.count)
        #expect(object.pulled.count == 3)
        let ranges = rig.sources.values.flatMap(\.ranges)
        #expect(ranges.count == 21 && Set(ranges).count == 21, "each range once")
    }

    @Test("an object that is here isn't fetched again")
    func here() async throws {
        let rig = try await Rig(id, ["a": FakeSource(bytes)])
        _ = try await rig.fetcher.fetch(id, byteCount: bytes.count)
        let again = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(again.pulled.isEmpty)
        #expect(rig.sources["a"]?.ranges.count == 21)
    }

    @Test("an empty object needs no pull")
    func empty() async throws {
        let rig = try await Rig(ObjectID(of: []), [:])
        let object = try await rig.fetcher.fetch(ObjectID(of: []), byteCount: 0)

        #expect(try content(object).isEmpty)
    }

    @Test("an object that no node has says so, one that doesn't fit too")
    func refused() async throws {
        let rig = try await Rig(id, [:])
        let missing = await #expect(throws: ObjectError.self) { try await rig.fetcher.fetch(id, byteCount: 250) }
        #expect(missing?.code == .missing)
        #expect(missing?.message == "object \(id): no node has the 3 ranges that are missing")

        let large = await #expect(throws: ObjectError.self) { try await rig.fetcher.fetch(id, byteCount: 1 << 30) }
        #expect(large?.code == .noRoom)
        let negative = await #expect(throws: ObjectError.self) { try await rig.fetcher.fetch(id, byteCount: -1) }
        #expect(negative?.code == .invalid)
    }

    @Test("a node that cuts connections is left alone for a while, and the rest comes from the others")
    func cut() async throws {
        let cutting = FakeSource(bytes) { _, _ in throw FakeSource.Cut() }
        let rig = try await Rig(id, ["a": cutting, "b": FakeSource(bytes)])
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(object.pulled == ["b": bytes.count])
        // Those that were under way when the first failed.
        #expect(cutting.ranges.count <= FetchPlan.parallel)
    }

    @Test("a fetch that is cut short is gone on with, by the next process too", arguments: [false, true])
    func resume(reopens: Bool) async throws {
        let folder = try TemporaryFolder()
        let cutting = FakeSource(bytes) { number, _ in if number > 10 { throw FakeSource.Cut() } }
        let first = try await Rig(id, ["a": cutting], folder: folder)
        let error = await #expect(throws: ObjectError.self) {
            try await first.runningClock { try await first.fetcher.fetch(id, byteCount: bytes.count) }
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.hasSuffix("the last: node a: Cut()") == true)
        let kept = try #require(await first.store.chunks(of: id)).present
        #expect(kept.count == 10)

        let whole = FakeSource(bytes)
        if reopens { await first.store.close() }
        let fetcher =
            reopens
            ? try await Rig(id, ["b": whole], folder: folder).fetcher
            : ObjectFetcher(into: first.store, random: SeededGenerator(seed: 2)) { _ in whole }
        await fetcher.update { $0.set(.whole, of: id, at: "b") }
        let object = try await fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes)
        #expect(whole.ranges.count == 11)
        let layout = ChunkLayout(byteCount: bytes.count, chunkSize: 100)
        #expect(whole.ranges.allSatisfy { !kept.contains(layout.chunks(of: $0).lowerBound) })
    }

    @Test("a liar among others is found by comparison and named", arguments: 0..<10)
    func liar(seed: UInt64) async throws {
        let sources = [
            "a": FakeSource(bytes), "b": FakeSource((0..<2050).map { _ in 7 }), "c": FakeSource(bytes),
        ]
        let rig = try await Rig(id, sources, seed: seed)
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes, "seed \(seed)")
        #expect(object.liars == ["b"], "seed \(seed)")
    }

    @Test("a single wrong byte is noticed, and a lone liar named", arguments: [0, 1000, 2049])
    func loneLiar(place: Int) async throws {
        let rig = try await Rig(id, ["a": FakeSource(wrong(at: place))])
        let error = await #expect(throws: ObjectError.self) {
            try await rig.fetcher.fetch(id, byteCount: bytes.count)
        }

        #expect(error?.code == .damaged)
        #expect(error?.message == "object \(id): no node has it right, wrong bytes came from a")
        #expect(await rig.store.chunks(of: id) == nil)
        let again = await #expect(throws: ObjectError.self) {
            try await rig.fetcher.fetch(id, byteCount: bytes.count)
        }
        #expect(again?.code == .missing, "it isn't asked again")
    }

    @Test("two liars among three are both named, however their bytes were mixed", arguments: 0..<10)
    func twoLiars(seed: UInt64) async throws {
        let sources = [
            "a": FakeSource((0..<2050).map { _ in 8 }), "b": FakeSource((0..<2050).map { _ in 7 }),
            "c": FakeSource(bytes),
        ]
        let rig = try await Rig(id, sources, seed: seed)
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes, "seed \(seed)")
        #expect(object.liars == ["a", "b"], "seed \(seed)")
    }

    @Test("what a liar gave before it failed isn't mixed with what an honest node gives", arguments: 0..<10)
    func liarThatFails(seed: UInt64) async throws {
        let bytes = bytes
        let liar = FakeSource((0..<2050).map { _ in 7 }) { number, _ in if number > 14 { throw FakeSource.Cut() } }
        let rig = try await Rig(id, ["a": liar, "b": FakeSource(bytes)], seed: seed)
        let id = id
        let object = try await rig.runningClock { try await rig.fetcher.fetch(id, byteCount: bytes.count) }

        #expect(try content(object) == bytes, "seed \(seed)")
        #expect(object.liars == ["a"], "seed \(seed)")
    }

    @Test("ranges that were damaged on the disk blame no node")
    func damagedOnDisk() async throws {
        let folder = try TemporaryFolder()
        let store = try await ObjectStore.open(folder.path, limit: 1 << 20, chunkSize: 100)
        let draft = try #require(try await store.draft(id, byteCount: bytes.count))
        _ = try await store.write(Array(wrong(at: 5)[0..<100]), chunk: 0, of: draft)
        await store.close()

        let rig = try await Rig(id, ["a": FakeSource(bytes), "b": FakeSource(bytes)], folder: folder)
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes)
        #expect(object.liars.isEmpty)
    }

    @Test("an answer that is too short is a failure")
    func short() async throws {
        let rig = try await Rig(id, ["a": FakeSource(Array(bytes.prefix(2049))), "b": FakeSource(bytes)])
        let object = try await rig.fetcher.fetch(id, byteCount: bytes.count)

        #expect(try content(object) == bytes)
        #expect(rig.sources["b"]?.ranges.contains(2000..<2050) == true)
    }

    @Test("a node that falls silent fails when the time for a range is over")
    func silent() async throws {
        let never = ManualTime()
        let silent = FakeSource(bytes) { _, _ in try await never.sleep(until: never.now + .seconds(1)) }
        let rig = try await Rig(id, ["a": silent, "b": FakeSource(bytes)])
        let object = try await rig.runningClock { try await rig.fetcher.fetch(id, byteCount: bytes.count) }

        #expect(object.pulled == ["b": bytes.count])
    }

    @Test("callers that want the same object at once share one fetch")
    func singleFlight() async throws {
        let gate = AsyncGate()
        let rig = try await Rig(id, ["a": FakeSource(bytes) { _, _ in await gate.wait() }])
        let objects = try await withThrowingTaskGroup(of: FetchedObject.self) { group in
            for _ in 0..<10 { group.addTask { try await rig.fetcher.fetch(id, byteCount: bytes.count) } }
            while rig.fetcher.waiterCount < 9 { await Task.yield() }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }

        #expect(objects.count == 10)
        #expect(try objects.allSatisfy { try content($0) == bytes })
        #expect(rig.sources["a"]?.ranges.count == 21)
    }

    @Test("when the caller that fetches is cancelled, one that waits goes on with what came")
    func leaderLeaves() async throws {
        let gate = AsyncGate()
        let source = FakeSource(bytes) { number, _ in
            if number == 6 { await gate.wait() }
            try Task.checkCancellation()
        }
        let rig = try await Rig(id, ["a": source])
        let leader = Task { try await rig.fetcher.fetch(id, byteCount: bytes.count) }
        await gate.waitUntilReached()
        let follower = Task { try await rig.fetcher.fetch(id, byteCount: bytes.count) }
        while rig.fetcher.waiterCount < 1 { await Task.yield() }
        leader.cancel()
        gate.open()

        let error = await #expect(throws: ObjectError.self) { try await leader.value }
        #expect(error?.code == .cancelled)
        #expect(try content(try await follower.value) == bytes)
    }

    @Test("a caller that waits and is cancelled doesn't wait for the fetch")
    func followerLeaves() async throws {
        let gate = AsyncGate()
        let rig = try await Rig(id, ["a": FakeSource(bytes) { _, _ in await gate.wait() }])
        let leader = Task { try await rig.fetcher.fetch(id, byteCount: bytes.count) }
        await gate.waitUntilReached()
        let follower = Task { try await rig.fetcher.fetch(id, byteCount: bytes.count) }
        while rig.fetcher.waiterCount < 1 { await Task.yield() }
        follower.cancel()

        let error = await #expect(throws: ObjectError.self) { try await follower.value }
        #expect(error?.code == .cancelled)
        gate.open()
        #expect(try content(try await leader.value) == bytes)
    }
}
