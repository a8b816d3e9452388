import MantaHTTP
import MantaTestKit
import Testing

@Suite("Many clients at once", .timeLimit(.minutes(1)))
struct CrowdTests {
    @Test("requests are answered that come just as many at once as libmicrohttpd takes in a turn")
    func fullTurn() async throws {
        let gate = Gate()
        let done = Signal()
        try await serving {
            $0.threads = 1
        } routes: {
            $0.addSamples()
            // Holds up the server's thread first, and then leaves it without anything to do.
            $0.on(.get, "/block") { _ in
                gate.wait()
                await done.wait()
                return HTTPResponse()
            }
        } body: { port, _ in
            try await onThread {
                let request = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                // As many as are asked for, all of them known to the server.
                let clients = try (0..<128).map { _ in try SocketClient(port: port) }
                for client in clients {
                    try client.send(request)
                    #expect(try client.reply().status == 200)
                }
                let blocker = try SocketClient(port: port)
                try blocker.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n")
                gate.waitUntilReached()
                for client in clients { try client.send(request) }
                gate.open()
                defer { done.set() }
                for client in clients {
                    let answer = client.takeBytes(within: .seconds(10))
                    try #require(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
                }
            }
        }
    }
}
