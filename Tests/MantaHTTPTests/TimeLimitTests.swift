import MantaHTTP
import MantaTestKit
import Testing

@Suite("Time limits", .timeLimit(.minutes(1)))
struct TimeLimitTests {
    /// Sends a byte at a time, never ending, until the server has had enough, and returns what it said.
    private func dribble(_ start: String, _ configure: (inout HTTPServerConfiguration) -> Void) async throws -> String {
        try await serving(configure) { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(start)
                return String(decoding: client.dribble(), as: UTF8.self)
            }
        }
    }

    @Test("a byte now and then doesn't keep a connection open", arguments: ["", "GE", "GET /hello HTTP/1.1\r\nA: "])
    func slowHeader(start: String) async throws {
        _ = try await dribble(start) { $0.limits.headerTimeout = .milliseconds(300) }
    }

    @Test("a body that comes a byte now and then ends with the time for bodies")
    func slowBody() async throws {
        _ = try await dribble("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n") {
            $0.limits.bodyTimeout = .milliseconds(300)
        }
    }

    @Test(
        "a request that doesn't arrive is told so",
        arguments: ["", "GET /hello HTTP/1.1\r\nA: ", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc"])
    func silent(start: String) async throws {
        let reply = try await serving {
            $0.limits.headerTimeout = .milliseconds(300)
            $0.limits.bodyTimeout = .milliseconds(300)
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(start)
                return try client.reply()
            }
        }

        #expect(reply.status == 408)
        #expect(reply.text == "{\"error\":\"the request took too long to arrive\"}")
    }

    @Test("a connection that asks for nothing more is closed without a word")
    func idle() async throws {
        let rest = try await serving {
            $0.limits.idleTimeout = .milliseconds(300)
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try client.reply()
                return client.readToEnd()
            }
        }

        #expect(rest.isEmpty)
    }

    @Test("a handler that takes too long is answered for with 504, and cancelled")
    func handler() async throws {
        let cancelled = Signal()
        let reply = try await serving {
            $0.limits.handlerTimeout = .milliseconds(300)
        } routes: {
            $0.on(.get, "/slow") { _ in
                await Signal.cancellation()
                cancelled.set()
                return HTTPResponse()
            }
        } body: { port, _ in
            let reply = try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
                return try client.reply()
            }
            await cancelled.wait()
            return reply
        }

        #expect(reply.status == 504)
        #expect(reply.text == "{\"error\":\"no answer within 0.3 seconds\"}")
    }
}
