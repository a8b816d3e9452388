import MantaConfig
import MantaServing
import MantaTestKit
import MantaTime
import MantaWire
import SwiftProtobuf
import Testing

@Suite("Connections and what comes on them", .timeLimit(.minutes(1)))
struct ConnectionTests {
    private static let request: [UInt8] = {
        let bytes: [UInt8]? = try? Inference_ModelInferRequest.rows([1, 2]).serializedBytes()
        return HTTP2Client.message(bytes ?? [])
    }()

    /// Runs `body` with a client of its own connection.
    private func withClient<Result: Sendable>(
        _ configure: (inout TestSetting) -> Void = { _ in },
        _ body: @escaping @Sendable (HTTP2Client) throws -> Result
    ) async throws -> Result {
        try await TestListener.serving {
            configure(&$0)
        } body: { server in
            try await onThread { try body(try HTTP2Client(port: server.port)) }
        }
    }

    @Test("every method that the .proto files have is served")
    func methods() async throws {
        let paths = WireSchema.files.flatMap { file in
            file.service.flatMap { service in
                service.method.map { "/\(file.package).\(service.name)/\($0.name)" }
            }
        }
        let replies = try await withClient { client in
            try paths.enumerated().map { index, path in
                try client.call("", [], on: Int32(2 * index + 1), changing: [":path": path])
            }
        }

        #expect(paths.count > 20)
        for (path, reply) in zip(paths, replies) {
            // Those that aren't unary do without a message.
            #expect(reply.status == 0 || reply.fields["grpc-message"] == "the call has no message", "\(path)")
        }
    }

    @Test(
        "who doesn't speak gRPC gets an answer of HTTP's",
        arguments: [(":method", "GET", "405"), ("content-type", "application/json", "415")])
    func otherProtocols(name: String, value: String, status: String) async throws {
        let reply = try await withClient { client in
            try client.call("ModelInfer", Self.request, on: 1, changing: [name: value])
        }

        #expect(reply.fields[":status"] == status)
        #expect(reply.status == nil)
    }

    @Test("who doesn't speak HTTP/2 is shown out")
    func notHTTP2() async throws {
        try await TestListener.serving { server in
            try await onThread {
                let client = try SocketClient(port: server.port)
                try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                // Its settings, and nothing else.
                #expect(client.readToEnd().count < 100)
            }
        }
    }

    @Test("a call that can't be gone on with has a status, and those after it on its connection go well")
    func refusals() async throws {
        let coded = ["grpc-encoding": "br"]
        let long = ["long": String(repeating: "x", count: 17_000)]
        let replies = try await withClient { client in
            [
                try client.call("ModelInfer", [], on: 1),
                try client.call("ModelInfer", Self.request + Self.request, on: 3),
                try client.call("ModelInfer", Array(Self.request.dropLast()), on: 5),
                try client.call("ModelInfer", HTTP2Client.message([0xFF]), on: 7),
                try client.call("ModelMetadata", HTTP2Client.message([0xFF]), on: 9),
                try client.call("ModelInfer", Self.request, on: 11, changing: coded),
                try client.call("ModelInfer", HTTP2Client.message([1], isCompressed: true), on: 13),
                try client.call("ModelStreamInfer", Array(Self.request.dropLast()), on: 15),
                try client.call("ModelInfer", Self.request, on: 17, changing: long),
                try client.call("ModelInfer", Self.request, on: 19),
            ]
        }

        #expect(replies.map(\.status) == [3, 3, 3, 3, 3, 12, 13, 3, 8, 0])
        #expect(
            replies.map { $0.fields["grpc-message"] } == [
                "the call has no message", "the call has more than one message", "the call ends within a message",
                "the message isn't a ModelInferRequest", "the message isn't a inference.ModelMetadataRequest",
                "grpc-encoding: expected gzip, deflate or identity, found br",
                "a message is compressed, but grpc-encoding doesn't say how", "the call ends within a message",
                "the metadata has more than 16384 bytes", nil,
            ])
        #expect(replies[5].fields["grpc-accept-encoding"] == "identity,deflate,gzip")
    }

    @Test("a reply that ends before its request does says that no more of that is wanted")
    func earlyEnd() async throws {
        let reply = try await withClient { client in
            let beginning = HTTP2Client.data(Self.request + Self.request, on: 1, isLast: false)
            try client.socket.send(HTTP2Client.headers("ModelInfer", on: 1) + beginning)
            return try client.reply(on: 1, isReset: true)
        }

        #expect(reply.status == 3)
        // NO_ERROR.
        #expect(reply.resetCode == 0)
    }

    @Test("large replies wait for a client that reads late")
    func lateReader() async throws {
        let values = (0..<200_000).map(Float.init)
        let bytes: [UInt8] = try Inference_ModelInferRequest.rows(values).serializedBytes()
        let streams: [Int32] = [1, 3, 5, 7, 9]
        let replies = try await withClient {
            $0.deployment.batching.maxRows = 100_000
        } _: { client in
            let content = HTTP2Client.message(bytes)
            // As much as may be sent without hearing from the server, and more than the sockets between hold of its replies.
            for stream in streams {
                try client.socket.send(HTTP2Client.headers("ModelInfer", on: stream))
                try client.socket.send(HTTP2Client.data(content, on: stream))
            }
            return try client.replies(on: streams)
        }

        #expect(replies.map(\.status) == [0, 0, 0, 0, 0])
        for reply in replies {
            let answer = try Inference_ModelInferResponse(serializedBytes: Array(reply.content.dropFirst(5)))
            // Not to be written out if it fails.
            let isSame = answer.rawOutputContents.map(\.floats) == [values]
            #expect(isSame)
        }
    }

    @Test("a connection without a call ends when its time is over")
    func idle() async throws {
        let (farewell, rest) = try await withClient {
            $0.listener.limits.idleTimeout = .milliseconds(100)
        } _: { client in
            _ = try client.call("ModelInfer", Self.request, on: 1)
            return (try client.frame(ofType: 7).payload, client.socket.readToEnd())
        }

        // The last stream that was looked at, and NO_ERROR.
        #expect(farewell == [0, 0, 0, 1, 0, 0, 0, 0])
        #expect(rest == [])
    }

    @Test("a connection whose calls are short and come again isn't idle")
    func notIdle() async throws {
        let statuses = try await withClient {
            $0.listener.limits.idleTimeout = .milliseconds(400)
        } _: { client in
            // Longer than that in all.
            var (statuses, stream, start) = ([Int?](), Int32(1), Instant.now)
            while Instant.now - start < .milliseconds(1200) {
                statuses.append(try client.call("ServerLive", HTTP2Client.message([]), on: stream).status)
                stream += 2
                // Between two calls nothing is open when the server looks.
                _ = client.socket.takeBytes(within: .milliseconds(90))
            }
            return statuses
        }

        #expect(statuses.count > 5)
        #expect(statuses.allSatisfy { $0 == 0 })
    }

    @Test(
        "a call ends at its deadline, whatever it does",
        arguments: ["grpc.health.v1.Health/Watch", "inference.GRPCInferenceService/ModelStreamInfer"])
    func deadline(method: String) async throws {
        let reply = try await withClient { client in
            let changes = [":path": "/\(method)", "grpc-timeout": "50m"]
            try client.socket.send(HTTP2Client.headers("", on: 1, changing: changes))
            try client.socket.send(HTTP2Client.data(HTTP2Client.message([]), on: 1, isLast: false))
            return try client.reply(on: 1)
        }

        #expect(reply.status == 4)
    }

    @Test("header fields that are small as they are sent and large when they are read end their call")
    func headerBomb() async throws {
        let (reset, reply) = try await withClient { client in
            let kept = HTTP2Client.block(of: ["x": String(repeating: "x", count: 3900)], isKept: true)
            // The field that was kept first, again and again.
            let bomb = [UInt8](repeating: 0x80 | 62, count: 100_000)
            let pseudo = HTTP2Client.block(of: [
                ":method": "POST", ":scheme": "http", ":path": "/inference.GRPCInferenceService/ModelInfer",
                ":authority": "localhost",
            ])
            try client.send(type: 1, flags: 5, stream: 1, pseudo + kept + bomb)
            let reset = try client.frame(ofType: 3)
            return (reset.payload, try client.call("ModelInfer", Self.request, on: 3))
        }

        // INTERNAL_ERROR, as nghttp2 has it.
        #expect(reset == [0, 0, 0, 2])
        #expect(reply.status == 0)
    }

    @Test("a client that asks and asks, and reads nothing, is shown out")
    func neverReads() async throws {
        try await TestListener.serving { server in
            try await onThread {
                let client = try HTTP2Client(port: server.port)
                var call = HTTP2Client.headers("Nothing", on: 1)
                #expect(throws: SocketClient.Failure.self) {
                    // The server takes leave for half a second, in which it still reads.
                    for burst in 0..<5000 {
                        // Calls that are answered at once, whose answers nobody takes.
                        var calls: [UInt8] = []
                        for number in 0..<1000 {
                            let stream = 2 * (1000 * burst + number) + 1
                            (call[6], call[7]) = (UInt8(stream >> 16), UInt8(stream >> 8 & 255))
                            call[8] = UInt8(stream & 255)
                            calls += call
                        }
                        try client.socket.send(calls)
                    }
                }
            }
        }
    }

    @Test("a client that is silent is asked whether it is there")
    func keepalive() async throws {
        let ping = try await withClient {
            $0.listener.limits.keepalive = .milliseconds(100)
        } _: { client in
            try client.frame(ofType: 6)
        }

        #expect(ping.flags == 0)
    }

    @Test("when the server stops, calls that are on their way are answered before the connection ends")
    func drain() async throws {
        let (reply, rest) = try await TestListener.serving { server in
            let client = try await onThread {
                let client = try HTTP2Client(port: server.port)
                _ = try client.call("ModelInfer", Self.request, on: 1)
                // The server knows of a call once it has answered what came after its headers.
                try client.socket.send(HTTP2Client.headers("ModelInfer", on: 3))
                _ = try client.call("ServerLive", HTTP2Client.message([]), on: 5)
                return Shared(client)
            }
            async let stopped: Void = server.stop()
            let outcome = try await onThread {
                let client = client.value
                // Other calls may be on their way yet.
                #expect(try client.frame(ofType: 7).payload == [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
                #expect(try client.frame(ofType: 7).payload == [0, 0, 0, 5, 0, 0, 0, 0])
                try client.socket.send(HTTP2Client.data(Self.request, on: 3))
                return (try client.reply(on: 3), client.socket.readToEnd())
            }
            await stopped
            return outcome
        }

        #expect(reply.status == 0)
        #expect(rest == [])
    }

    @Test("several threads serve one listener")
    func threads() async throws {
        try await TestListener.serving {
            $0.listener.threads = 3
        } body: { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<30 {
                    group.addTask {
                        let values = [Float(number), 1]
                        let reply = try await server.withClient { try await $0.infer(.rows(values)) }
                        #expect(reply.rawOutputContents.map(\.floats) == [values])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("what is damaged on its way does no harm to others")
    func damage() async throws {
        let conversation =
            HTTP2Client.headers("ModelInfer", on: 1) + HTTP2Client.data(Self.request, on: 1)
            + HTTP2Client.headers("ModelStreamInfer", on: 3, changing: ["grpc-encoding": "gzip", "grpc-timeout": "1S"])
            + HTTP2Client.data(Self.request, on: 3, isLast: false) + HTTP2Client.data(Self.request, on: 3)
            + HTTP2Client.frame(type: 3, stream: 1, [0, 0, 0, 8])
            + HTTP2Client.frame(type: 6, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])
        let reply = try await TestListener.serving { server in
            try await onThread {
                var generator = SeededGenerator(seed: 7)
                for _ in 0..<300 {
                    var bytes = conversation
                    for _ in 0..<Int.random(in: 1...6, using: &generator) {
                        let place = Int.random(in: bytes.indices, using: &generator)
                        switch Int.random(in: 0..<3, using: &generator) {
                        case 0: bytes[place] = .random(in: 0...255, using: &generator)
                        case 1: bytes.remove(at: place)
                        default: bytes.removeSubrange(place...)
                        }
                        if bytes.isEmpty { break }
                    }
                    let client = try HTTP2Client(port: server.port)
                    // It may be closed before all is sent.
                    try? client.socket.send(bytes)
                    if Bool.random(using: &generator) { client.socket.reset() }
                }
                return try HTTP2Client(port: server.port).call("ModelInfer", Self.request, on: 1)
            }
        }

        #expect(reply.status == 0)
    }
}

/// Hands a client from one thread to the next.
///
/// Unchecked Sendable: one thread uses it at a time.
private struct Shared: @unchecked Sendable {
    let value: HTTP2Client

    init(_ value: HTTP2Client) {
        self.value = value
    }
}
