import Foundation
import MantaCore
import MantaGateway
import MantaServing
import MantaTestKit
import MantaTime
import Testing

/// What the tests read of a statistics document.
private struct Statistics: Decodable {
    struct Total: Decodable {
        var count: Int
        var ns: Int
    }

    struct Batches: Decodable {
        var batch_size: Int
        var compute_infer: Total
    }

    struct Entry: Decodable {
        var name: String
        var version: String
        var last_inference: Int
        var inference_count: Int
        var execution_count: Int
        var inference_stats: [String: Total]
        var batch_stats: [Batches]
    }

    var model_stats: [Entry]
}

private func entries(_ plane: DataPlane) throws -> [Statistics.Entry] {
    let documents = try plane.statistics.documents(model: "m", version: nil)
    return try JSONDecoder().decode([Statistics.Entry].self, from: JSONEncoder.documents.encode(documents))
}

@Suite("Statistics", .timeLimit(.minutes(1)))
struct StatisticsTests {
    /// One request of a random sequence.
    private enum Step: CaseIterable {
        case answered, cut, failed, malformed, misshapen, late, abandoned
    }

    @Test("whatever happens to requests, each is counted once and the sums hold", arguments: 0..<8 as Range<UInt64>)
    func sumsHold(seed: UInt64) async throws {
        // Rows that begin with -1 fail, and everything near them runs once more.
        let engine = FakeEngine { inputs throws(ServingError) in
            let values: [Float] = inputs[0]?.values() ?? []
            if values.contains(-1) { throw ServingError(.engineFailed, "minus one") }
            return inputs.compactMap(\.self)
        }
        var random = SeededGenerator(seed: seed)
        let steps = (0..<200).compactMap { _ in
            Step.allCases.randomElement(using: &random).map { ($0, Int.random(in: 1...4, using: &random)) }
        }
        let entry = try await withPlane(over: engine) {
            $0.batching.maxRows = 4
            $0.queue.maxRequests = 10_000
        } body: { plane in
            let answeredRows = await withTaskGroup(of: Int.self) { group in
                for (step, rows) in steps { group.addTask { await Self.run(step, rows: rows, on: plane) } }
                return await group.reduce(0, +)
            }
            let entry = try #require(try entries(plane).first)
            // A request that was given up may have run, and parts of one that failed.
            #expect(entry.inference_count >= answeredRows, "seed \(seed)")
            return entry
        }

        let stats = entry.inference_stats
        let (answered, failed) = (stats["success"]?.count ?? 0, stats["fail"]?.count ?? 0)
        #expect(answered + failed == steps.count, "seed \(seed)")
        #expect(answered > 0 && failed > 0, "seed \(seed)")
        for name in ["queue", "compute_input", "compute_infer", "compute_output"] {
            #expect(stats[name]?.count == answered, "\(name), seed \(seed)")
        }
        let batches = entry.batch_stats
        #expect(batches.reduce(0) { $0 + $1.batch_size * $1.compute_infer.count } == entry.inference_count)
        #expect(batches.reduce(0) { $0 + $1.compute_infer.count } == entry.execution_count)
    }

    /// Sends a request. Returns the rows that were answered.
    private static func run(_ step: Step, rows: Int, on plane: DataPlane) async -> Int {
        let rows = step == .cut ? rows + 20 : rows
        let task = Task {
            try await plane.inference.infer(model: "m", version: nil, started: .now) { _ throws(ServingError) in
                if step == .malformed { throw ServingError(.invalidRequest, "malformed") }
                let columns = step == .misshapen ? 3 : 2
                let values = [Float](repeating: step == .failed ? -1 : 1, count: rows * columns)
                let tensor = Tensor(shape: [rows, columns], values)
                let timeout: Duration? = step == .late ? .nanoseconds(1) : nil
                return (InferenceRequest(inputs: [NamedTensor("x", tensor)]), InferenceSchedule(timeout: timeout))
            } encode: { response throws(ServingError) in
                response.outputs[0].tensor.rowCount
            }
        }
        if step == .abandoned { task.cancel() }
        return (try? await task.value) ?? 0
    }

    @Test("requests one after the other give exact counts")
    func exactCounts() async throws {
        let began = Int(Date().timeIntervalSince1970 * 1000)
        let entry = try await withPlane(over: echo) { plane in
            for rows in [1, 1, 3] { _ = await Self.run(.answered, rows: rows, on: plane) }
            _ = await Self.run(.misshapen, rows: 1, on: plane)
            return try #require(try entries(plane).first)
        }

        #expect(entry.name == "m" && entry.version == "3")
        #expect(entry.inference_count == 5 && entry.execution_count == 3)
        #expect(entry.batch_stats.map(\.batch_size) == [1, 3])
        #expect(entry.inference_stats["success"]?.count == 3 && entry.inference_stats["fail"]?.count == 1)
        #expect((began - 1...began + 60_000).contains(entry.last_inference))
        let times = entry.inference_stats.mapValues(\.ns)
        let parts = ["queue", "compute_input", "compute_infer", "compute_output"].compactMap { times[$0] }
        #expect(parts.count == 4 && parts.reduce(0, +) <= times["success"] ?? 0)
    }

    @Test("where requests always run alone, each counts as one whatever its shape")
    func unbatched() async throws {
        let entry = try await withPlane(over: echo) {
            $0.batching.maxRows = 0
        } body: { plane in
            for rows in [1, 7] { _ = await Self.run(.answered, rows: rows, on: plane) }
            return try #require(try entries(plane).first)
        }

        #expect(entry.inference_count == 2 && entry.execution_count == 2)
        #expect(entry.batch_stats.map(\.batch_size) == [1])
    }

    @Test(
        "they are asked for by model and version, or all at once",
        arguments: [
            ("/v2/models/stats", 200, ["3"]), ("/v2/models/m/stats", 200, ["3"]),
            ("/v2/models/m/versions/3/stats", 200, ["3"]), ("/v2/models/m/versions/4/stats", 404, []),
            ("/v2/models/nobody/stats", 404, []),
        ])
    func routes(path: String, status: Int, versions: [String]) async throws {
        let reply = try await withServer(over: echo) { try $0.request("GET", path) }

        #expect(reply.status == status)
        if status == 200 {
            let statistics = try JSONDecoder().decode(Statistics.self, from: Data(reply.body))
            #expect(statistics.model_stats.map(\.version) == versions)
            #expect(reply.text.contains(#""memory_usage":[],"name":"m","response_stats":{},"version":"3""#))
        } else {
            #expect(reply.text.hasPrefix(#"{"error":"model \""#))
        }
    }
}
