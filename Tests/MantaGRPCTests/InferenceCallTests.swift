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

@Suite("Inference over gRPC", .timeLimit(.minutes(1)))
struct InferenceCallTests {
    @Test("an inference comes back raw, with its model, version and id")
    func infer() async throws {
        let reply = try await TestListener.serving { server in
            try await server.withClient { try await $0.infer(.rows([0.5, -3, 1, 2], id: "7")) }
        }

        #expect((reply.modelName, reply.modelVersion, reply.id) == ("m", "3", "7"))
        #expect(reply.outputs.map(\.name) == ["y"])
        #expect(reply.outputs.map(\.shape) == [[2, 2]])
        #expect(reply.rawOutputContents.map(\.floats) == [[0.5, -3, 1, 2]])
    }

    @Test("typed contents are taken too")
    func typed() async throws {
        var request = Inference_ModelInferRequest.rows([])
        request.rawInputContents = []
        request.inputs[0].shape = [1, 2]
        request.inputs[0].contents.fp32Contents = [7, 8]
        let typed = request
        let reply = try await TestListener.serving { server in
            try await server.withClient { try await $0.infer(typed) }
        }

        #expect(reply.rawOutputContents.map(\.floats) == [[7, 8]])
    }

    @Test("what can't be served is an error with its status")
    func refused() async throws {
        func changed(_ change: (inout Inference_ModelInferRequest) -> Void) -> Inference_ModelInferRequest {
            var request = Inference_ModelInferRequest.rows([1, 2])
            change(&request)
            return request
        }
        let cases: [(Inference_ModelInferRequest, RPCError.Code, String)] = [
            (changed { $0.modelName = "nobody" }, .notFound, "model \"nobody\" is not found"),
            (
                changed {
                    $0.outputs = [
                        .with {
                            $0.name = "y"
                            $0.parameters["shared_memory_region"] = .with { $0.stringParam = "r" }
                            $0.parameters["shared_memory_byte_size"] = .with { $0.int64Param = 8 }
                        }
                    ]
                }, .permissionDenied,
                "output \"y\": clients may not use shared memory here: start Manta with --allow-shared-memory"
            ),
            (changed { $0.modelVersion = "4" }, .notFound, "model \"m\" has no version 4; it serves 3"),
            (changed { $0.modelVersion = "x" }, .notFound, "version \"x\": versions are whole numbers from 1 on"),
            (changed { $0.modelName = "vacant" }, .unavailable, "vacant failed: it has no version"),
            (
                changed { $0.inputs[0].name = "z" }, .invalidArgument,
                "input \"z\": the model has no such input; it has \"x\""
            ),
            (
                changed { $0.outputs = [.with { $0.name = "z" }] }, .invalidArgument,
                "output \"z\": the model has no such output; it has \"y\""
            ),
            (
                changed { $0.parameters["priority"] = .with { $0.stringParam = "high" } }, .invalidArgument,
                "parameter \"priority\": expected an integer from 0 to 4294967295, got \"high\""
            ),
        ]
        try await TestListener.serving { server in
            try await server.withClient { client in
                for (request, code, message) in cases {
                    let error = await client.inferenceError(request)
                    #expect(error?.code == code)
                    #expect(error?.message == message)
                }
            }
        }
    }

    @Test("an engine that fails is INTERNAL, and a message of a client's own length is cut")
    func failures() async throws {
        let broken = FakeEngine { inputs throws(ServingError) in
            if inputs.first??.values(as: Float.self)?.first == 42 { throw ServingError(.engineFailed, "it broke") }
            return inputs.compactMap(\.self)
        }
        let error = try await TestListener.serving(broken) { server in
            try await server.withClient { await $0.inferenceError(.rows([42, 2])) }
        }
        var request = Inference_ModelInferRequest.rows([1, 2])
        request.modelName = String(repeating: "ü", count: 100_000)
        let named = request
        let long = try await TestListener.serving { server in
            try await server.withClient { await $0.inferenceError(named) }
        }

        #expect(error?.code == .internalError)
        #expect(error?.message.contains("it broke") == true)
        #expect(long?.code == .notFound)
        #expect((long?.message.utf8.count ?? 0) < 1100)
    }

    @Test("a full queue is UNAVAILABLE, with when to try again")
    func overloaded() async throws {
        let (gate, runs) = (Gate(), Runs())
        let engine = FakeEngine.holding(gate, runs)
        let error = try await TestListener.serving(engine) {
            $0.deployment.queue.maxRequests = 1
            $0.deployment.batching.maxRows = 2
        } body: { server in
            try await server.withClient { client in
                async let first = client.infer(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                async let second = client.infer(.rows([3, 4]))
                while server.waiting == 0 { await Task.yield() }
                let error = await client.inferenceError(.rows([5, 6]))
                gate.open()
                _ = try await (first, second)
                return error
            }
        }

        #expect(error?.code == .unavailable)
        let pushback = error?.metadata[stringValues: "grpc-retry-pushback-ms"].first { _ in true }
        #expect(pushback.flatMap { Int($0) } ?? 0 > 0)
    }

    @Test("a request leaves the queue at its deadline, the call's or its own", arguments: ["grpc-timeout", "timeout"])
    func deadline(kind: String) async throws {
        let (gate, runs) = (Gate(), Runs())
        let engine = FakeEngine.holding(gate, runs)
        let error = try await TestListener.serving(engine) {
            $0.deployment.batching.maxRows = 2
        } body: { server in
            try await server.withClient { client in
                async let first = client.infer(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                var request = Inference_ModelInferRequest.rows([3, 4])
                if kind == "timeout" { request.parameters["timeout"] = .with { $0.int64Param = 50_000 } }
                // Only told to the server: the client itself would wait for ever.
                let error = await client.inferenceError(
                    request, metadata: kind == "timeout" ? [:] : ["grpc-timeout": "50m"])
                gate.open()
                _ = try await first
                return error
            }
        }

        #expect(error?.code == .deadlineExceeded)
        #expect(runs.first == [42])
    }

    @Test("a call that its client gave up leaves the queue and is never run")
    func cancellation() async throws {
        let (gate, runs) = (Gate(), Runs())
        let engine = FakeEngine.holding(gate, runs)
        try await TestListener.serving(engine) {
            $0.deployment.batching.maxRows = 2
        } body: { server in
            try await server.withClient { client in
                async let first = client.infer(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                let second = Task { try await client.infer(.rows([3, 4])) }
                while server.waiting == 0 { await Task.yield() }

                second.cancel()

                while server.waiting > 0 { await Task.yield() }
                gate.open()
                _ = try await first
                await #expect(throws: (any Error).self) { try await second.value }
            }
        }

        #expect(runs.first == [42])
    }

    @Test("a connection that breaks takes its requests out of the queue")
    func connectionLost() async throws {
        let (gate, runs) = (Gate(), Runs())
        let engine = FakeEngine.holding(gate, runs)
        try await TestListener.serving(engine) {
            $0.deployment.batching.maxRows = 2
        } body: { server in
            try await server.withClient { client in
                async let first = client.infer(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                let other = Task { try await server.withClient { try await $0.infer(.rows([3, 4])) } }
                while server.waiting == 0 { await Task.yield() }

                other.cancel()

                while server.waiting > 0 { await Task.yield() }
                gate.open()
                _ = try await first
                await #expect(throws: (any Error).self) { try await other.value }
            }
        }

        #expect(runs.first == [42])
    }

    @Test(
        "requests are compressed, and their replies in the same way", arguments: [CompressionAlgorithm.gzip, .deflate])
    func compression(algorithm: CompressionAlgorithm) async throws {
        let values = [Float](repeating: 1.5, count: 20_000)
        let reply = try await TestListener.serving { server in
            try await server.withClient {
                $0.compression.enabledAlgorithms = [.gzip, .deflate]
            } body: { client in
                var options = CallOptions.defaults
                options.compression = algorithm
                options.maxResponseMessageBytes = 1 << 20
                return try await client.infer(.rows(values), options: options)
            }
        }

        #expect(reply.rawOutputContents.map(\.floats) == [values])
    }

    @Test("a message beyond the limit is refused, as sent and inflated, and the connection lives on")
    func limits() async throws {
        let values = [Float](repeating: 0, count: 300_000)
        try await TestListener.serving {
            $0.listener.limits.messageBytes = 1 << 20
        } body: { server in
            try await server.withClient {
                $0.compression.enabledAlgorithms = [.gzip, .deflate]
            } body: { client in
                var gzip = CallOptions.defaults
                gzip.compression = .gzip
                let plain = await client.inferenceError(.rows(values))
                let bomb = await client.inferenceError(.rows(values), options: gzip)

                let after = try await client.infer(.rows([1, 2]))

                #expect(plain?.code == .resourceExhausted)
                #expect(plain?.message.contains("at most 1048576 are taken") == true)
                #expect(bomb?.code == .resourceExhausted)
                #expect(after.rawOutputContents.map(\.floats) == [[1, 2]])
            }
        }
    }
}
