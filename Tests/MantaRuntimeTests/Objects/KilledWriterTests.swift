import Foundation
import MantaProcesses
import MantaRuntime
import MantaTestKit
import Testing

@Suite("Object store, killed")
struct KilledWriterTests {
    /// Runs `object-writer` and kills it once it has told so many lines.
    ///
    /// - Returns: All it told until it was dead.
    private func kill(_ arguments: [String], after count: Int) async throws -> [String] {
        let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "object-writer").path
        let writer = try await Program(path, arguments).start()
        _ = await writer.first { told in
            told.output.utf8.count(where: { $0 == UInt8(ascii: "\n") }) >= count ? true : nil
        }
        writer.kill()
        _ = await writer.exitStatus()
        // The last one may be half of one.
        return writer.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test("objects that were acknowledged are whole after kill -9, and nothing half written is left", arguments: 2..<8)
    func put(count: Int) async throws {
        let folder = try TemporaryFolder()
        let told = try await kill(["put", folder.path], after: count)
        let store = try await ObjectStore.open(folder.path, limit: 1 << 30)

        for name in told.dropFirst() {
            let id = try #require(ObjectID(name))
            #expect(try await store.pin(id)?.byteCount == 128 << 10)
        }
        // One more may have been kept and not told.
        #expect(await store.objects.count - (told.count - 1) <= 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/temporary").isEmpty)
        await store.close()
    }

    @Test("a fetch goes on after kill -9 with the ranges that had come", arguments: [1, 20, 100])
    func fetch(answers: Int) async throws {
        let folder = try TemporaryFolder()
        // Two lines come before the ranges, and one after those that are answered.
        let first = try await kill(["fetch", folder.path, "\(answers)"], after: answers + 3)
        let store = try await ObjectStore.open(folder.path, limit: 1 << 30, chunkSize: 4 << 10)
        let id = try #require(ObjectID(first[1]))
        let present = try #require(await store.chunks(of: id)).present
        await store.close()
        // The answers that came last were still to be written.
        #expect(present.count <= answers && present.count >= answers - 8)

        let second = try await kill(["fetch", folder.path, "\(Int.max)"], after: .max)
        #expect(second.last == "done")
        let asked = second.compactMap { Int($0) }.map { $0 / (4 << 10) }
        #expect(asked.count == 128 - present.count)
        #expect(present.isDisjoint(with: asked))
    }
}
