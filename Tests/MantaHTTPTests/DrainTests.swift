import MantaHTTP
import MantaTestKit
import Testing

@Suite("Stopping", .timeLimit(.minutes(1)))
struct DrainTests {
    @Test("a handler at work finishes; its reply ends the connection")
    func handling() async throws {
        let (started, goOn) = (Signal(), Signal())
        let (reply, rest) = try await serving {
            _ in
        } routes: {
            $0.on(.get, "/wait") { _ in
                started.set()
                await goOn.wait()
                return HTTPResponse(body: .bytes(Array("done".utf8)))
            }
        } body: { port, server in
            async let exchange = onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
                return (try client.reply(), client.readToEnd())
            }
            await started.wait()
            async let drained: Void = server.drain()
            try await onThread {
                // Nobody new is let in: that is how a client sees that the stop has begun.
                SocketClient.waitUntilRefused(port: port)
            }
            goOn.set()
            let result = try await exchange
            await drained
            return result
        }

        #expect(reply.text == "done")
        #expect(reply["Connection"]?.lowercased() == "close")
        #expect(rest.isEmpty)
    }

    @Test("a connection without a request is closed")
    func idle() async throws {
        let rest = try await serving { port, server in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try client.reply()
                return UncheckedBox(client)
            }
            await server.drain()
            return try await onThread { client.value.readToEnd() }
        }

        #expect(rest.isEmpty)
    }

    @Test("a request whose body is on its way is still answered")
    func body() async throws {
        let reply = try await serving { port, server in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                try client.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                _ = try client.reply()
                return UncheckedBox(client)
            }
            async let drained: Void = server.drain()
            let reply = try await onThread {
                SocketClient.waitUntilRefused(port: port)
                try client.value.send("body")
                return try client.value.reply()
            }
            await drained
            return reply
        }

        #expect(reply.text == "body")
    }

    @Test("what isn't done when the time is over is told so with 503", arguments: ["handler", "body", "header"])
    func timeIsOver(phase: String) async throws {
        let (started, goOn) = (Signal(), Signal())
        let reply = try await serving {
            $0.drainTimeout = .milliseconds(300)
        } routes: {
            $0.addSamples()
            $0.on(.get, "/stubborn") { _ in
                started.set()
                await goOn.wait()
                return HTTPResponse()
            }
        } body: { port, server in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                switch phase {
                case "handler": try client.send("GET /stubborn HTTP/1.1\r\nHost: x\r\n\r\n")
                case "body":
                    try client.send(
                        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                    _ = try client.reply()
                default: try client.send("GET /hello HTTP/1.1\r\nHo")
                }
                return UncheckedBox(client)
            }
            if phase == "handler" { await started.wait() }
            async let drained: Void = server.drain()
            let reply = try await onThread { try client.value.reply() }
            goOn.set()
            await drained
            return reply
        }

        #expect(reply.status == 503)
        #expect(reply.text == "{\"error\":\"the server is stopping\"}")
    }

    @Test("a client that reads a little now and then doesn't hold up the end")
    func slowReader() async throws {
        try await serving {
            $0.drainTimeout = .milliseconds(300)
        } routes: {
            $0.on(.get, "/large") { _ in HTTPResponse(body: .bytes([UInt8](repeating: 0, count: 64 << 20))) }
        } body: { port, server in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                client.shrinkReceiveBuffer()
                try client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
                client.waitForBytes()
                return UncheckedBox(client)
            }
            // Ends although the client keeps its connection and never reads the rest.
            await server.drain()
            #expect(server.connectionCount == 0)
            client.value.leave()
        }
    }

    @Test("a body that is being written is cut off when the time is over")
    func stream() async throws {
        let started = Signal()
        try await serving {
            $0.drainTimeout = .milliseconds(300)
        } routes: {
            $0.on(.get, "/endless") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        try await writer.write([1])
                        started.set()
                        await Signal.cancellation()
                        throw CancellationError()
                    })
            }
        } body: { port, server in
            async let exchange = onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
                return try? client.reply()
            }
            await started.wait()
            await server.drain()
            let reply = try await exchange
            #expect(reply == nil)
        }
    }

    @Test("a body without an end of its own ends well, and holds nobody up", arguments: [true, false])
    func endless(throwing: Bool) async throws {
        let started = Signal()
        let reply = try await serving {
            // The test would be over its time first.
            $0.drainTimeout = .seconds(3600)
        } routes: {
            $0.on(.get, "/events") { _ in
                HTTPResponse(
                    body: .endless { writer in
                        try await writer.write(Array("begun".utf8))
                        started.set()
                        await Signal.cancellation()
                        if throwing { try await writer.write(Array("never sent".utf8)) }
                    })
            }
        } body: { port, server in
            async let exchange = onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
                return try client.reply()
            }
            await started.wait()
            await server.drain()
            return try await exchange
        }

        #expect(reply.text == "begun")
    }

    @Test("neither does one whose reader doesn't read")
    func endlessUnread() async throws {
        try await serving {
            $0.drainTimeout = .seconds(3600)
        } routes: {
            $0.on(.get, "/events") { _ in
                HTTPResponse(
                    body: .endless { writer in
                        while true { try await writer.write([UInt8](repeating: 0, count: 1 << 20)) }
                    })
            }
        } body: { port, server in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                client.shrinkReceiveBuffer()
                try client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
                client.waitForBytes()
                return UncheckedBox(client)
            }
            await server.drain()
            #expect(server.connectionCount == 0)
            client.value.leave()
        }
    }

    @Test("thousands of requests under way are all answered")
    func underLoad() async throws {
        // Each client counts what it sent against what came back; a request that wasn't read counts for nobody.
        let lost = try await serving { port, server in
            let started = Signal()
            async let counts = withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        try await onThread {
                            let client = try SocketClient(port: port)
                            for index in 0..<100_000 {
                                if index == 100 { started.set() }
                                if client.isClosedByServer { return 0 }
                                do { try client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") } catch { return 0 }
                                guard let reply = try? client.reply() else { return 1 }
                                if reply["Connection"]?.lowercased() == "close" { return 0 }
                            }
                            return 0
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            await started.wait()
            await server.drain()
            return try await counts
        }

        #expect(lost == 0)
    }
}
