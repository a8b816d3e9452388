import Foundation
import MantaTestKit
import Testing

@Suite("Response cache over HTTP", .timeLimit(.minutes(5)))
struct ResponseCacheSystemTests {
    @Test("the second of two identical requests is answered from it, and everybody can see that")
    func answers() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: OperatedModel.file("echo"), to: "m/1/model.onnx")
        try folder.write("response_cache: {max_bytes: 1 MiB}\n", to: "m/model.yaml")
        let server = try await ServerProcess.ready(["--models", folder.path])

        try await onThread {
            let client = try InferenceClient(port: server.port)
            let admin = try InferenceClient(port: server.adminPort)
            let first = try client.post("m", shape: [1, 4], [1, 2, 3, 4])
            let second = try client.post("m", shape: [1, 4], [1, 2, 3, 4])
            let other = try client.post("m", shape: [1, 4], [1, 2, 3, 5])

            #expect(first.text == second.text)
            #expect(first["Server-Timing"]?.contains("cache;") == false)
            #expect(second["Server-Timing"]?.contains("cache;desc=hit;dur=") == true)
            #expect(other.text.contains("[1,2,3,5]"))
            let statistics = try client.request("GET", "/v2/models/m/stats").text
            #expect(statistics.contains("\"cache_hit\":{\"count\":1,"))
            #expect(statistics.contains("\"cache_miss\":{\"count\":2,"))
            #expect(statistics.contains("\"success\":{\"count\":3,"))
            #expect(statistics.contains("\"execution_count\":2,"))
            let metrics = try admin.request("GET", "/metrics").text
            #expect(metrics.contains("manta_cache_hits_total{model=\"m\",version=\"1\"} 1\n"))
            #expect(metrics.contains("manta_cache_misses_total{model=\"m\",version=\"1\"} 2\n"))
            let status = try admin.request("GET", "/admin/v1/deployments/m").text
            #expect(status.contains("\"hits\":1"))
            #expect(status.contains("\"misses\":2"))
        }
    }
}
