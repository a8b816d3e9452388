import FoundationEssentials
import MantaTestKit
import Testing

@testable import MantaRuntime

@Suite("Nodes that fetch from each other")
struct SwarmTests {
    @Test("six nodes that fetch one object at once all get it, from each other too")
    func swarm() async throws {
        let folders = try (0..<7).map { _ in try TemporaryFolder() }
        var stores: [ObjectStore] = []
        for folder in folders { stores.append(try await .open(folder.path, limit: 1 << 20, chunkSize: 1000)) }
        var random = SeededGenerator(seed: 1)
        let bytes = (0..<100_500).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        let id = try await stores[0].put(bytes)
        let nodes = Dictionary(uniqueKeysWithValues: stores.indices.map { ("n\($0)", stores[$0]) })

        let fetchers = stores.dropFirst().enumerated().map { index, store in
            ObjectFetcher(into: store, random: SeededGenerator(seed: UInt64(index))) { nodes[$0] ?? store }
        }
        let layout = ChunkLayout(byteCount: bytes.count, chunkSize: 1000)
        for (index, fetcher) in fetchers.enumerated() {
            await fetcher.update { $0.set(.whole, of: id, at: "n0") }
            // Each has a part of it already.
            let held = Set((0..<layout.count).filter { $0 % fetchers.count == index })
            let draft = try #require(try await stores[index + 1].draft(id, byteCount: bytes.count))
            for chunk in held {
                _ = try await stores[index + 1].write(Array(bytes[layout.range(of: chunk)]), chunk: chunk, of: draft)
            }
            for other in fetchers.indices where other != index {
                await fetchers[other].update { $0.set(.chunks(held), of: id, at: "n\(index + 1)") }
            }
        }
        let objects = try await withThrowingTaskGroup(of: FetchedObject.self) { group in
            for fetcher in fetchers { group.addTask { try await fetcher.fetch(id, byteCount: bytes.count) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }

        for object in objects {
            #expect(try Data(contentsOf: URL(filePath: object.pin.path)) == Data(bytes))
            #expect(object.pulled.count > 1 && object.liars.isEmpty)
        }
    }
}
