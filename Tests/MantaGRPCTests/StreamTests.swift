import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import MantaConfig
import MantaCore
import MantaServing
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Streams of inferences", .timeLimit(.minutes(1)))
struct StreamTests {
    @Test("replies come in the order of the requests, whatever becomes of each")
    func order() async throws {
        let replies = try await TestListener.serving { server in
            try await server.withClient { client in
                try await client.stream { writer in
                    for index in 0..<200 {
                        var request = Inference_ModelInferRequest.rows([Float(index), 0], id: "\(index)")
                        if index % 7 == 3 { request.modelName = "nobody" }
                        try await writer.write(request)
                    }
                } receive: {
                    try await $0.reduce(into: [Inference_ModelStreamInferResponse]()) { $0.append($1) }
                }
            }
        }

        #expect(replies.count == 200)
        for (index, reply) in replies.enumerated() {
            if index % 7 == 3 {
                #expect(reply.errorMessage == "model \"nobody\" is not found")
            } else {
                #expect(reply.errorMessage == "")
                #expect(reply.inferResponse.id == "\(index)")
                #expect(reply.inferResponse.rawOutputContents.first?.floats == [Float(index), 0])
            }
        }
    }

    @Test("no more requests are read than may be worked on")
    func bounded() async throws {
        let gate = Gate()
        let engine = FakeEngine.holding(gate)
        let (sent, count) = try await TestListener.serving(engine) {
            $0.listener.limits.requestsPerStream = 3
            $0.deployment.batching.maxRows = 2
        } body: { server in
            try await server.withClient { client in
                try await client.stream { writer in
                    for index in 0..<40 { try await writer.write(.rows([index == 0 ? 42 : 3, 0, 0, 0])) }
                } receive: { replies in
                    try await onThread { gate.waitUntilReached() }
                    // One runs; the others of the bound wait.
                    while server.waiting < 2 { await Task.yield() }
                    for _ in 0..<1000 { await Task.yield() }
                    let sent = server.waiting
                    gate.open()
                    return (sent, try await replies.reduce(0) { count, _ in count + 1 })
                }
            }
        }

        #expect(sent == 2)
        #expect(count == 40)
    }

    @Test("with triton_grpc_error a failure ends the stream with its status")
    func status() async throws {
        let error = try await TestListener.serving { server in
            try await server.withClient { client in
                await #expect(throws: RPCError.self) {
                    try await client.stream(metadata: ["triton_grpc_error": "true"]) { writer in
                        var request = Inference_ModelInferRequest.rows([1, 2])
                        try await writer.write(request)
                        request.modelVersion = "9"
                        try await writer.write(request)
                        // The client would go on.
                        try await Task.sleep(for: .seconds(3600))
                    } receive: {
                        for try await _ in $0 {}
                    }
                }
            }
        }

        #expect(error?.code == .notFound)
        #expect(error?.message == "model \"m\" has no version 9; it serves 3")
    }

    @Test("who asks for final responses gets them, and nobody else")
    func finalResponse() async throws {
        let flags = try await TestListener.serving { server in
            try await server.withClient { client in
                try await client.stream { writer in
                    var request = Inference_ModelInferRequest.rows([1, 2])
                    try await writer.write(request)
                    request.parameters["triton_enable_empty_final_response"] = .with { $0.boolParam = true }
                    try await writer.write(request)
                } receive: {
                    try await $0.reduce(into: [Bool?]()) {
                        $0.append($1.inferResponse.parameters["triton_final_response"]?.boolParam)
                    }
                }
            }
        }

        #expect(flags == [nil, true])
    }

    @Test("when the server stops, what a stream has sent is answered, and the stream ends with UNAVAILABLE")
    func stop() async throws {
        let gate = Gate()
        let engine = FakeEngine.holding(gate)
        let (count, error) = try await TestListener.serving(engine) { server in
            try await server.withClient { client in
                let count = Mutex(0)
                let error = await #expect(throws: RPCError.self) {
                    try await client.stream { writer in
                        try await writer.write(.rows([42, 2, 3, 4]))
                        // The client would go on.
                        try await Task.sleep(for: .seconds(3600))
                    } receive: { replies in
                        try await onThread { gate.waitUntilReached() }
                        await server.stop()
                        gate.open()
                        for try await _ in replies { count.withLock { $0 += 1 } }
                    }
                }
                return (count.withLock { $0 }, error)
            }
        }

        #expect(count == 1)
        #expect(error?.code == .unavailable)
        #expect(error?.message == "the server is stopping")
    }
}
