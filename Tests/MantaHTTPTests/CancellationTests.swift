import MantaHTTP
import MantaTestKit
import Testing

@Suite("Clients that leave", .timeLimit(.minutes(1)))
struct CancellationTests {
    enum Way: CaseIterable, Sendable {
        case close, reset, halfClose, closeWithRequestsAhead
    }

    @Test("the handler of a client that left is cancelled", arguments: Way.allCases)
    func cancelled(way: Way) async throws {
        let (started, cancelled) = (Signal(), Signal())
        try await serving {
            _ in
        } routes: {
            $0.on(.get, "/wait") { _ in
                started.set()
                await Signal.cancellation()
                cancelled.set()
                return HTTPResponse()
            }
        } body: { port, _ in
            let request = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
            let client = try await onThread {
                let client = try SocketClient(port: port)
                try client.send(way == .closeWithRequestsAhead ? request + request : request)
                return UncheckedBox(client)
            }
            await started.wait()
            switch way {
            case .close, .closeWithRequestsAhead: client.value.leave()
            case .reset: client.value.reset()
            case .halfClose: client.value.halfClose()
            }
            await cancelled.wait()
        }
    }

    @Test("a client that closed only its sending side waits for its answer, if so configured")
    func halfClosed() async throws {
        let reply = try await serving {
            $0.cancelOnHalfClose = false
        } routes: {
            $0.on(.get, "/wait") { _ in
                for _ in 0..<1000 { await Task.yield() }
                return HTTPResponse(body: .bytes(Array(Task.isCancelled ? "cancelled".utf8 : "done".utf8)))
            }
        } body: { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
                client.halfClose()
                return try client.reply()
            }
        }

        #expect(reply.text == "done")
    }

    @Test("a client that leaves in the middle of its request leaves nothing behind")
    func leavesEarly() async throws {
        try await serving { port, server in
            try await onThread {
                for start in [
                    "", "GET", "GET /hello HTTP/1.1\r\nHo",
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
                ] {
                    for _ in 0..<20 {
                        let client = try SocketClient(port: port)
                        try client.send(start)
                        client.leave()
                    }
                }
            }
            while server.connectionCount > 0 { await Task.yield() }
        }
    }
}

/// Carries a client from the thread that made it to the test. The test uses it from one thread at a time.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
