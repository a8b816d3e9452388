import MantaHTTP
import MantaTestKit
import Synchronization
import Testing

@Suite("Bodies written while they are sent", .timeLimit(.minutes(1)))
struct StreamTests {
    private func get(_ port: Int, _ path: String) async throws -> SocketClient.Reply {
        try await onThread {
            let client = try SocketClient(port: port)
            try client.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
            return try client.reply()
        }
    }

    @Test("the parts arrive in order, and the connection goes on")
    func parts() async throws {
        let texts = try await serving {
            _ in
        } routes: {
            $0.addSamples()
            $0.on(.get, "/count") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        for number in 0..<100 {
                            try await writer.write(Array("\(number),".utf8))
                            await Task.yield()
                        }
                    })
            }
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /count HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                return [try client.reply().text, try client.reply().text]
            }
        }

        #expect(texts == [(0..<100).map { "\($0)," }.joined(), "\"hello\""])
    }

    @Test("a body that goes on for longer than every limit is not cut off, even while nothing is written")
    func outlivesLimits() async throws {
        let (begun, goOn) = (Signal(), Signal())
        let reply = try await serving {
            $0.limits.handlerTimeout = .milliseconds(100)
            $0.limits.idleTimeout = .seconds(1)
        } routes: {
            $0.addSamples()
            $0.on(.get, "/events") { _ in
                HTTPResponse(
                    body: .endless { writer in
                        try await writer.write(Array("begun,".utf8))
                        begun.set()
                        await goOn.wait()
                        try await writer.write(Array("ended".utf8))
                    })
            }
        } body: { port, _ in
            async let reply = get(port, "/events")
            await begun.wait()
            try await onThread {
                // Began later and did more, and is over its time: so was the other.
                let idle = try SocketClient(port: port)
                try idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try idle.reply()
                idle.readToEnd()
            }
            goOn.set()
            return try await reply
        }

        #expect(reply.text == "begun,ended")
    }

    @Test("what is written arrives although nothing follows it")
    func atOnce() async throws {
        let arrived = Signal()
        let reply = try await serving {
            _ in
        } routes: {
            $0.on(.get, "/events") { _ in
                HTTPResponse(
                    body: .endless { writer in
                        try await writer.write(Array("event".utf8))
                        await arrived.wait()
                    })
            }
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
                try client.waitForText("event")
                arrived.set()
                return try client.reply()
            }
        }

        #expect(reply.text == "event")
    }

    @Test("a client that leaves a body while nothing is written is noticed", arguments: CancellationTests.Way.allCases)
    func leaves(way: CancellationTests.Way) async throws {
        let (begun, cancelled) = (Signal(), Signal())
        try await serving {
            _ in
        } routes: {
            $0.on(.get, "/events") { _ in
                HTTPResponse(
                    body: .endless { writer in
                        try await writer.write([1])
                        begun.set()
                        await Signal.cancellation()
                        cancelled.set()
                    })
            }
        } body: { port, server in
            let request = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
            let client = try await onThread {
                let client = try SocketClient(port: port)
                try client.send(way == .closeWithRequestsAhead ? request + request : request)
                return UncheckedBox(client)
            }
            await begun.wait()
            switch way {
            case .close, .closeWithRequestsAhead: client.value.leave()
            case .reset: client.value.reset()
            case .halfClose: client.value.halfClose()
            }
            await cancelled.wait()
            while server.connectionCount > 0 { await Task.yield() }
        }
    }

    @Test("a body that fails is cut off, so that the client sees that it isn't whole")
    func failing() async throws {
        struct Failure: Error {}
        try await serving {
            _ in
        } routes: {
            $0.on(.get, "/fail") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        try await writer.write(Array("begun".utf8))
                        throw Failure()
                    })
            }
        } body: { port, _ in
            await #expect(throws: SocketClient.Failure.self) { try await get(port, "/fail") }
        }
    }

    @Test("a reader that doesn't read holds the writer up, and its leaving ends it")
    func slowReader() async throws {
        let written = Mutex(0)
        let ended = Signal()
        try await serving {
            _ in
        } routes: {
            $0.on(.get, "/endless") { _ in
                HTTPResponse(
                    body: .stream { writer in
                        defer { ended.set() }
                        while true {
                            try await writer.write([UInt8](repeating: 0x78, count: 1 << 20))
                            written.withLock { $0 += 1 }
                        }
                    })
            }
        } body: { port, _ in
            let client = try await onThread {
                let client = try SocketClient(port: port)
                client.shrinkReceiveBuffer()
                try client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
                return UncheckedBox(client)
            }
            while written.withLock({ $0 }) == 0 { await Task.yield() }
            client.value.leave()
            await ended.wait()
        }

        // What fits into the kernel's buffers, and no more.
        #expect(written.withLock { $0 } < 64)
    }
}
