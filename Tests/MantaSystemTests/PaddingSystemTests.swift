import Foundation
import MantaTestKit
import Testing

@Suite("Texts of different lengths", .timeLimit(.minutes(5)))
struct PaddingSystemTests {
    @Test("share a batch, and get what they get alone")
    func share() async throws {
        let folder = try TemporaryFolder()
        for name in ["alone", "together"] {
            try folder.copy(fromRepository: OperatedModel.file("texts"), to: "\(name)/1/model.onnx")
        }
        // Both requests are there before the one batch runs.
        try folder.write(
            """
            batching: {preferred_batch_sizes: [2], max_queue_delay_ms: 60000}
            inputs:
              - {name: ids, padding: {dimension: 1, buckets: [4, 16], value: 7}}
              - {name: mask, padding: {dimension: 1, buckets: [4, 16]}}
            """, to: "together/model.yaml")
        let server = try await ServerProcess.ready(["--models", folder.path])
        let texts: [[Int]] = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3, 5, 8, 9]]

        let (alone, together) = try await (
            texts.concurrentMap { try await Self.infer("alone", $0, port: server.port) },
            texts.concurrentMap { try await Self.infer("together", $0, port: server.port) }
        )

        #expect(together == alone)
        #expect(together.map(\.outputs[0].shape) == [[1, 5, 2], [1, 8, 2]])
        #expect(together.map(\.outputs[1].data) == [[14], [47]])
        let client = try InferenceClient(port: server.port)
        let statistics = try client.request("GET", "/v2/models/together/stats").text
        #expect(statistics.contains("\"execution_count\":1,"))
        #expect(statistics.contains("\"batch_size\":2,"))
        let metrics = try InferenceClient(port: server.adminPort).request("GET", "/metrics").text
        let labels = "model=\"together\",version=\"1\",kind"
        #expect(metrics.contains("manta_batch_positions_total{\(labels)=\"input\"} 13\n"))
        #expect(metrics.contains("manta_batch_positions_total{\(labels)=\"padding\"} 3\n"))
    }

    private struct Answer: Decodable, Equatable {
        struct Output: Decodable, Equatable {
            var name: String
            var shape: [Int]
            var data: [Double]
        }

        var outputs: [Output]
    }

    private static func infer(_ model: String, _ ids: [Int], port: Int) async throws -> Answer {
        try await onThread {
            let ones = ids.map { _ in 1 }
            let shape = #""shape":[1,\#(ids.count)],"datatype":"INT64""#
            let reply = try InferenceClient(port: port).request(
                "POST", "/v2/models/\(model)/infer",
                body: #"{"inputs":[{"name":"ids",\#(shape),"data":\#(ids)},{"name":"mask",\#(shape),"data":\#(ones)}]}"#
            )
            try #require(reply.status == 200, "\(reply.text)")
            return try JSONDecoder().decode(Answer.self, from: Data(reply.body))
        }
    }
}

extension Array where Element: Sendable {
    /// What each becomes, all at a time, in their order.
    fileprivate func concurrentMap<Value: Sendable>(
        _ transform: @escaping @Sendable (Element) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for (index, element) in enumerated() { group.addTask { (index, try await transform(element)) } }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
