import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Scaling by load")
    struct ScalingTests {
        @Test("within a second of a step to 8 times what a replica can take, a second one is ready")
        func step() async throws {
            let model = try await OperatedModel(
                OperatedModel.file("echo_slow"),
                configuration: """
                    batching: {max_batch_size: 0}
                    queue: {max_requests: 8}
                    autoscaling: {min_replicas: 1, max_replicas: 4}
                    """)
            let port = model.server.port
            let requests = OpenLoad.Request.echoes(of: "m")
            // One request at a time never asks for a second replica.
            let capacity = try await OpenLoad.capacity(port: port, connections: 1, requests: requests, count: 40)
            let before = try await onThread { try OperatorClient(port: model.server.adminPort).status(of: "m") }
            #expect(before.decisions.isEmpty && before.readyReplicas == 1, "\(before)")
            let load = OpenLoad(port: port, connections: 24, requests: requests, perSecond: 8 * capacity)

            let begin = Date()
            let (ready, report) = try await load.during {
                () -> (after: Double, decision: OperatorClient.Deployment.Decision?) in
                let admin = try OperatorClient(port: model.server.adminPort)
                let scaled = try admin.wait(for: "m", "scaled up") { $0.readyReplicas > 1 }
                // The ages are the server's; they were true at the latest when the reply was here.
                let ages = (scaled.serving?.replicas ?? []).filter { $0.state == "ready" }.map(\.ageS).sorted()
                return (Date().timeIntervalSince(begin) - ages[ages.count - 2], scaled.decisions.first)
            }

            let decision = try #require(ready.decision)
            let decided = try Date(decision.at, strategy: .iso8601WithMilliseconds).timeIntervalSince(begin)
            print(
                "8 × \(Int(capacity))/s: decided after \(decided) s, ready after \(ready.after) s: \(decision.reason); \(report)"
            )
            #expect(decision.from == 1)
            #expect(decided < 1)
            #expect(ready.after < 1)
            #expect(report.failed == report.refused, "\(report)")
        }

        @Test("an idle model gives up its last replica and its memory; the next requests wait until it is there again")
        func toZero() async throws {
            let model = try await OperatedModel(
                OperatedModel.file("echo_heavy"),
                configuration: """
                    autoscaling: {min_replicas: 1, max_replicas: 1, downscale_to_zero_delay_s: 0.3}
                    """)
            let port = model.server.port
            let requests = OpenLoad.Request.echoes(of: "m")
            try await onThread {
                let admin = try OperatorClient(port: model.server.adminPort)
                let awake = try admin.residentBytes()
                // One at most: a second one would be kept for half a minute.
                try admin.scale("m", #"{"min": 0, "max": 1}"#)
                try Self.waitUntilAsleep(admin)
                // Most of the 64 MiB of its weights.
                try admin.wait(for: "m", "out of memory") { _ in try admin.residentBytes() < awake - (48 << 20) }
            }

            let replies = try await withThrowingTaskGroup(of: SocketClient.Reply.self) { group in
                for request in requests.prefix(24) {
                    group.addTask {
                        try await onThread {
                            let client = try SocketClient(port: port)
                            try client.send(request.bytes)
                            let reply = try client.reply()
                            #expect(reply.text.contains(request.expected), "\(reply)")
                            return reply
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let late = try await onThread {
                try Self.waitUntilAsleep(OperatorClient(port: model.server.adminPort))
                return try InferenceClient(port: port).request(
                    "POST", "/v2/models/m/infer", headers: ["X-Request-Timeout-Ms: 5"],
                    body: #"{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}"#)
            }

            #expect(replies.allSatisfy { $0.status == 200 }, "\(replies.map(\.status))")
            #expect(late.status == 504, "\(late)")
        }

        @Test("a model that is scaled to none by hand refuses requests until it is scaled out again")
        func none() async throws {
            let model = try await OperatedModel(OperatedModel.file("echo"), configuration: "replicas: 1\n")

            let replies = try await onThread {
                let admin = try OperatorClient(port: model.server.adminPort)
                let client = try SocketClient(port: model.server.port)
                let request = OpenLoad.Request.echoes(of: "m")[0]
                return try [0, 2].map { count in
                    try admin.scale("m", #"{"replicas": \#(count)}"#)
                    try admin.wait(for: "m", "scaled to \(count)") {
                        $0.readyReplicas == count && $0.state == (count == 0 ? "asleep" : "ready")
                    }
                    try client.send(request.bytes)
                    return try client.reply()
                }
            }

            #expect(replies.map(\.status) == [503, 200])
            #expect(replies[0].text.contains("m is scaled to 0 replicas"))
        }

        private static func waitUntilAsleep(_ admin: OperatorClient) throws {
            let asleep = try admin.wait(for: "m", "asleep") { $0.state == "asleep" && $0.versions.count == 1 }
            #expect(asleep.versions[0].state == "asleep" && asleep.versions[0].replicas.isEmpty, "\(asleep)")
        }
    }
}

extension OperatorClient {
    /// The memory of the server's process.
    fileprivate func residentBytes() throws -> Int {
        struct Document: Decodable {
            struct Node: Decodable {
                var residentBytes: Int
            }

            var node: Node
        }
        return try request("GET", "/admin/v1/status", as: Document.self).node.residentBytes
    }
}

extension ParseStrategy where Self == Date.ISO8601FormatStyle {
    /// As the server writes times.
    fileprivate static var iso8601WithMilliseconds: Self { .init(includingFractionalSeconds: true) }
}
