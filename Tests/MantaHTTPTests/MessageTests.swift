import MantaHTTP
import MantaTestKit
import Testing

@Suite("Requests and replies", .timeLimit(.minutes(1)))
struct MessageTests {
    /// Sends one request on a new connection and reads the reply.
    private func exchange(_ request: String, isHead: Bool = false) async throws -> SocketClient.Reply {
        try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(request)
                return try client.reply(isHead: isHead)
            }
        }
    }

    @Test("a route answers")
    func route() async throws {
        let reply = try await exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 200)
        #expect(reply.text == "\"hello\"")
        #expect(reply["Content-Type"] == "application/json")
    }

    @Test("an error is JSON, whatever its message has in it")
    func quotedError() async throws {
        let reply = try await serving(routes: { routes in
            routes.on(.get, "/") { _ in throw HTTPError(.badRequest, "\"a\"\n\\ \u{1F}é") }
        }) { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return try client.reply()
            }
        }

        #expect(reply.text == #"{"error":"\"a\"\n\\ \u001fé"}"#)
    }

    @Test("a target may be a whole URL, as proxies send it")
    func absoluteForm() async throws {
        let reply = try await exchange("GET http://x:80/things/a/parts/b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.text == "a|b|1")
    }

    @Test("HEAD is answered by the route of GET, without the body")
    func head() async throws {
        let reply = try await exchange("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", isHead: true)

        #expect(reply.status == 200)
        #expect(reply["Content-Length"] == "7")
    }

    @Test("parts of the path and the query are decoded")
    func parameters() async throws {
        let reply = try await exchange("GET /things/a%20b%2Fc/parts/7?p=1&q=x%3Dy HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.text == "a b/c|7|x=y")
    }

    @Test(
        "a query parameter is the first of its name",
        arguments: [
            ("q=10s", "10s"), ("a=1&q=17", "17"), ("q=1&q=2", "1"), ("q", ""), ("q=", ""), ("q=a=b", "a=b"),
            ("%71=%C3%A9%26", "é&"), ("q=a+b", "a+b"), ("qq=1", "-"), ("Q=1", "-"), ("", "-"), ("&&=&q=1", "1"),
            ("q=%zz", "-"), ("q=%00", "-"), ("q=?/", "?/"),
        ])
    func query(query: String, value: String) async throws {
        let reply = try await exchange("GET /things/a/parts/b?\(query) HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.text == "a|b|\(value)")
    }

    @Test(
        "a path that leads nowhere is 404 with a message",
        arguments: ["/", "/hell", "/hello/", "/HELLO", "/things//parts/1", "/things/a/parts"])
    func notFound(path: String) async throws {
        let reply = try await exchange("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 404)
        #expect(reply.text == "{\"error\":\"there is nothing at \(path)\"}")
    }

    @Test("another method is 405 and tells which are allowed")
    func methodNotAllowed() async throws {
        let reply = try await exchange("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 405)
        #expect(reply["Allow"] == "GET, HEAD")
        #expect(reply.text == "{\"error\":\"DELETE isn't allowed on /hello; allowed: GET, HEAD\"}")
    }

    @Test("a broken escape in the path is 400", arguments: ["%", "%2", "%zz", "%ff", "%00", "%0a"])
    func brokenEscape(escape: String) async throws {
        let reply = try await exchange("GET /things/\(escape)/parts/1 HTTP/1.1\r\nHost: x\r\n\r\n")

        #expect(reply.status == 400)
    }

    @Test("a handler's failure is 500 and tells nothing of it")
    func handlerFails() async throws {
        struct Secret: Error {}
        let reply = try await serving {
            _ in
        } routes: {
            $0.on(.get, "/fail") { _ in throw Secret() }
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")
                return try client.reply()
            }
        }

        #expect(reply.status == 500)
        #expect(reply.text == "{\"error\":\"internal error\"}")
    }

    @Test("the client's request id comes back; one that isn't fit for a log is replaced")
    func requestID() async throws {
        let kept = try await exchange("GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1\r\n\r\n")
        let replaced = try await exchange("GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n")

        #expect(kept["X-Request-Id"] == "abc-1")
        #expect(replaced["X-Request-Id"]?.isEmpty == false)
        #expect(replaced["X-Request-Id"] != "a b")
    }

    @Test("connections are kept, and requests sent ahead are answered in order")
    func pipelining() async throws {
        let texts = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                let requests = (0..<50).map { index in
                    let body = "body \(index)"
                    return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                }
                try client.send(requests.joined())
                return try (0..<50).map { _ in try client.reply().text }
            }
        }

        #expect(texts == (0..<50).map { "body \($0)" })
    }

    @Test("HTTP/1.0 and Connection: close end the connection")
    func close() async throws {
        for request in ["GET /hello HTTP/1.0\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] {
            let rest = try await serving { port, _ in
                try await onThread {
                    let client = try SocketClient(port: port)
                    try client.send(request)
                    _ = try client.reply()
                    return client.readToEnd()
                }
            }
            #expect(rest.isEmpty)
        }
    }

    @Test("a body in chunks arrives whole")
    func chunks() async throws {
        let reply = try await exchange(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: t\r\n\r\n")

        #expect(reply.text == "abcd")
    }

    @Test("a hundred thousand tiny chunks arrive whole")
    func tinyChunks() async throws {
        let chunks = String(repeating: "1\r\nx\r\n", count: 100_000)
        let reply = try await exchange(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n")

        #expect(reply.body.count == 100_000)
    }

    @Test("a client that asks first is told to go on")
    func expectContinue() async throws {
        let (first, second) = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                let first = try client.reply()
                try client.send("body")
                return (first.status, try client.reply().text)
            }
        }

        #expect(first == 100)
        #expect(second == "body")
    }

    @Test("a large body comes back as it went")
    func largeBody() async throws {
        let body = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let reply = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
                try client.send(body)
                return try client.reply()
            }
        }

        #expect(reply.body == body)
    }
}
