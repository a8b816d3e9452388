import MantaHTTP
import MantaTestKit
import Testing

@Suite("What is refused", .timeLimit(.minutes(1)))
struct RefusalTests {
    private func reply(
        to request: String, _ configure: @escaping (inout HTTPServerConfiguration) -> Void = { _ in }
    ) async throws -> SocketClient.Reply {
        try await serving(configure) { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(request)
                return try client.reply()
            }
        }
    }

    @Test(
        "two ways to tell where a request ends are refused: they smuggle requests past proxies",
        arguments: [
            (
                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                "Content-Length and Transfer-Encoding exclude each other"
            ),
            ("Content-Length: 3\r\nContent-Length: 4", "two different Content-Length: 3, 4"),
            ("Transfer-Encoding: gzip, chunked", "Transfer-Encoding \\\"gzip, chunked\\\": expected chunked"),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding \\\"chunked, chunked\\\": expected chunked"
            ),
        ])
    func smuggling(headers: String, message: String) async throws {
        let reply = try await reply(to: "POST /echo HTTP/1.1\r\nHost: x\r\n\(headers)\r\n\r\n0\r\n\r\n")

        #expect(reply.status == 400)
        // libmicrohttpd 1.0 refuses some of these itself, in HTML.
        if reply["Content-Type"] == "application/json" { #expect(reply.text == "{\"error\":\"\(message)\"}") }
        #expect(reply["Connection"]?.lowercased() == "close")
    }

    @Test("what follows a refused request on its connection is not served")
    func nothingSmuggled() async throws {
        let rest = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try client.reply()
                return client.readToEnd()
            }
        }

        #expect(rest.isEmpty)
    }

    @Test("a length that is no number is 400", arguments: ["-1", "+3", "3 3", "0x3", "3.0", "99999999999999999999"])
    func badLength(length: String) async throws {
        let reply = try await reply(to: "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\r\nabc")

        #expect([400, 413].contains(reply.status))
    }

    @Test("no length at all is 411 where a body is needed")
    func lengthRequired() async throws {
        let reply = try await reply(to: "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 411)
    }

    @Test("a body that says it is too large is 413 before it is read")
    func announcedTooLarge() async throws {
        let reply = try await reply(
            to: "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n"
        ) { $0.limits.bodyBytes = 100 }

        #expect(reply.status == 413)
        #expect(reply.text == "{\"error\":\"the body has 101 bytes, at most 100 are taken\"}")
    }

    @Test("a body that is sent at once although it is too large still gets its 413")
    func sentTooLarge() async throws {
        let body = String(repeating: "x", count: 1_000_000)
        let reply = try await serving {
            $0.limits.bodyBytes = 100
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                // The server may have closed before all is sent.
                try? client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                return try client.reply()
            }
        }

        #expect(reply.status == 413)
    }

    @Test("chunks that add up to too much are 413")
    func chunksTooLarge() async throws {
        let reply = try await reply(
            to: "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "40\r\n\(String(repeating: "x", count: 64))\r\n40\r\n\(String(repeating: "x", count: 64))\r\n"
        ) { $0.limits.bodyBytes = 100 }

        #expect(reply.status == 413)
    }

    @Test("header fields that are too large are 431", arguments: [5000, 20_000, 200_000])
    func headersTooLarge(size: Int) async throws {
        let reply = try await serving {
            $0.limits.headerBytes = 4096
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try? client.send("GET /hello HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "x", count: size))\r\n\r\n")
                return try client.reply()
            }
        }

        #expect(reply.status == 431)
    }

    @Test("a coding that isn't known is 415 and tells which are")
    func unknownCoding() async throws {
        let reply = try await reply(
            to: "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Encoding: br\r\n\r\nabc")

        #expect(reply.status == 415)
        #expect(reply["Accept-Encoding"] == "gzip, deflate")
    }

    @Test("a request with two Hosts is 400")
    func twoHosts() async throws {
        let reply = try await reply(to: "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")

        #expect(reply.status == 400)
        #expect(reply.text == "{\"error\":\"more than one Host\"}")
    }

    @Test("a request without Host is 400")
    func noHost() async throws {
        let text = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /hello HTTP/1.1\r\n\r\n")
                return String(decoding: client.readToEnd(), as: UTF8.self)
            }
        }

        #expect(text.hasPrefix("HTTP/1.1 400 "))
        // Release 0.9.75 writes the head of its own refusal twice.
        #expect(text.split(separator: "HTTP/1.1 400 ").count == 1, "\(text)")
    }

    @Test("a target with a space is 400")
    func space() async throws {
        let reply = try await reply(to: "GET /hello you HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 400)
    }

    @Test("what isn't HTTP ends the connection", arguments: ["nonsense\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"])
    func notHTTP(bytes: String) async throws {
        try await serving { port, server in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(bytes)
                client.readToEnd()
            }
            while server.connectionCount > 0 { await Task.yield() }
        }
    }

    @Test("connections beyond the limit wait until there is room")
    func connectionLimit() async throws {
        try await serving {
            $0.limits.connections = 2
        } body: { port, _ in
            try await onThread {
                let request = "GET /hello HTTP/1.1\r\nHost: x\r\n"
                let clients = try (0..<2).map { _ in try SocketClient(port: port) }
                for client in clients {
                    try client.send(request + "\r\n")
                    #expect(try client.reply().status == 200)
                }
                let third = try SocketClient(port: port)
                try third.send(request + "\r\n")
                try clients[0].send(request + "Connection: close\r\n\r\n")
                #expect(try clients[0].reply().status == 200)
                #expect(try third.reply().status == 200)
            }
        }
    }

    @Test("more connections of one address than allowed are closed at once")
    func addressLimit() async throws {
        try await serving {
            $0.limits.connectionsPerAddress = 1
        } body: { port, _ in
            try await onThread {
                let first = try SocketClient(port: port)
                try first.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try first.reply().status == 200)
                let second = try SocketClient(port: port)
                try? second.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(second.readToEnd().isEmpty)
            }
        }
    }
}
