import Foundation
import MantaTestKit
import Synchronization
import Testing

@Suite("Under load", .timeLimit(.minutes(5)))
struct LoadTests {
    @Test("each of tens of thousands of concurrent requests gets the answer to its own rows")
    func repliesAreNeverCrossed() async throws {
        let server = try await ServerProcess.ready([fixture("add")])

        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for lane in 0..<32 {
                group.addTask {
                    try await onThread {
                        let client = try SocketClient(port: server.port)
                        var wrong = 0
                        for number in 0..<1000 {
                            let tag = lane * 10_000 + number * 2
                            // Different numbers of rows, so that rows of a batch don't line up by chance.
                            let rows = 1 + (lane + number) % 3
                            let values = (0..<rows * 2).map { tag + $0 }.map(String.init).joined(separator: ",")
                            let input = #""shape":[\#(rows),2],"datatype":"FP32","data":[\#(values)]"#
                            let reply = try client.request(
                                "POST", "/v2/models/add/infer",
                                body: Array(
                                    #"{"id":"\#(tag)","inputs":[{"name":"a",\#(input)},{"name":"b",\#(input)}]}"#.utf8))
                            let sums = (0..<rows * 2).map { (tag + $0) * 2 }.map(String.init).joined(separator: ",")
                            if !reply.text.contains("\"data\":[\(sums)]") || !reply.text.contains("\"id\":\"\(tag)\"") {
                                wrong += 1
                            }
                        }
                        return wrong
                    }
                }
            }
            return try await group.reduce(0, +)
        }

        #expect(wrong == 0)
    }

    @Test("beyond the queue's bound requests are refused at once with 429, and those let in are answered")
    func overload() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "svm/1/model.onnx")
        try folder.write("replicas: 1\nqueue: {max_requests: 4}\n", to: "svm/model.yaml")
        let server = try await ServerProcess.ready(["--models", folder.path])
        let rows = 512
        let values = [Float](repeating: 1, count: rows * 64)

        let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<24 {
                group.addTask {
                    try await onThread {
                        let client = try InferenceClient(port: server.port)
                        return try (0..<8).map { _ in
                            let reply = try client.post("svm", input: "X", shape: [rows, 64], values)
                            if reply.status == 429 { #expect(Int(reply["Retry-After"] ?? "") ?? 0 >= 1) }
                            return reply.status
                        }
                    }
                }
            }
            return try await group.reduce([], +)
        }

        #expect(Set(statuses) == [200, 429])
    }

    @Test("requests whose clients have left are not run")
    func clientsLeave() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "svm/1/model.onnx")
        try folder.write("replicas: 1\nbatching: {max_batch_size: 0}\n", to: "svm/model.yaml")
        let server = try await ServerProcess.ready(["--models", folder.path])
        let values = [Float](repeating: 1, count: 20_000 * 64)

        try await onThread {
            // One request keeps the only replica busy while the others are sent and given up.
            let body =
                #"{"inputs":[{"name":"X","shape":[20000,64],"datatype":"FP32","data":[\#(values.map { "\($0)" }.joined(separator: ","))]}]}"#
            let head = "POST /v2/models/svm/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            let clients = try (0..<6).map { _ in try SocketClient(port: server.port) }
            for client in clients { try client.send(head + body) }
            for client in clients.dropFirst() { client.leave() }
            _ = try clients[0].reply()
        }
        let metrics = try await onThread {
            let client = try InferenceClient(port: server.adminPort)
            while true {
                let text = try client.request("GET", "/metrics").text
                let ended = text.matches(of: #/manta_requests_total{[^}]*} ([0-9]+)/#).compactMap { Int($0.1) }
                if ended.reduce(0, +) == 6 { return text }
            }
        }

        // The first, and at most those that a replica had begun before their client left.
        let ran = metrics.firstMatch(of: #/manta_run_duration_seconds_count{[^}]*} ([0-9]+)/#).flatMap { Int($0.1) }
        #expect(try #require(ran) <= 2)
        #expect(metrics.contains("code=\"cancelled\""))
    }

    @Test("what many clients needed at once goes back to the system when they have left")
    func memory() async throws {
        let folder = try TemporaryFolder()
        try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "svm/1/model.onnx")
        let server = try await ServerProcess.ready(["--models", folder.path])
        let numbers = [String](repeating: "1", count: 16 * 64).joined(separator: ",")
        let body = #"{"inputs":[{"name":"X","shape":[16,64],"datatype":"FP32","data":[\#(numbers)]}]}"#
        let request =
            "POST /v2/models/svm/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let before = try writtenBytes(of: "\(server.pid)")

        let most = try await onThread {
            let clients = try (0..<600).map { _ in try SocketClient(port: server.port) }
            for _ in 0..<3 {
                for client in clients { try client.send(request) }
                for client in clients { #expect(try client.reply().status == 200) }
            }
            return try writtenBytes(of: "\(server.pid)")
        }

        let needed = most - before
        #expect(needed > 12 << 20)
        // Threads of Swift's pool keep some of it for themselves.
        while try writtenBytes(of: "\(server.pid)") > before + needed / 3 {
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
