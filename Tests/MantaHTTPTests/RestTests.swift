import CMantaHTTP
import MantaHTTP
import MantaTestKit
import Testing

@Suite("Rests of a thread that only refuses")
struct RestTests {
    private static let rest: Int64 = 2_000_000

    /// Requests of a turn, and how long the thread rests after it.
    private func end(_ turn: inout MantaTurn, taken: Int, refused: Int, at now: Int64) -> Int64 {
        for number in 0..<taken + refused { unsafe manta_turn_count(&turn, number < refused ? 1 : 0) }
        return unsafe manta_turn_end(&turn, now)
    }

    @Test("it rests from the second turn of refusals on, for as long as they go on")
    func refusing() {
        var turn = MantaTurn()
        #expect(end(&turn, taken: 0, refused: 1, at: 0) == 0)
        #expect(end(&turn, taken: 1, refused: 1, at: 1_000_000) == Self.rest)
        #expect(end(&turn, taken: 5, refused: 8, at: 3_500_000) == Self.rest)
        #expect(end(&turn, taken: 0, refused: 1, at: 3_500_000 + 2 * Self.rest) == 0)
    }

    @Test("it doesn't rest where most requests are taken, nor after turns without any")
    func taking() {
        var turn = MantaTurn()
        #expect(end(&turn, taken: 0, refused: 3, at: 0) == 0)
        #expect(end(&turn, taken: 2, refused: 1, at: 1) == 0)
        #expect(end(&turn, taken: 0, refused: 0, at: 2) == 0)
        #expect(end(&turn, taken: 0, refused: 1, at: 3) == Self.rest)
    }

    @Test("it doesn't rest where refusals are rare")
    func rare() {
        var turn = MantaTurn()
        for time in 1..<10 { #expect(end(&turn, taken: 0, refused: 1, at: Int64(time) * (Self.rest + 1)) == 0) }
    }

    @Test("who asks again at once, and is refused each time, is refused once in 2 ms")
    func server() async throws {
        try await serving {
            $0.threads = 1
        } routes: {
            $0.on(.get, "/refused") { _ in HTTPResponse(status: .tooManyRequests) }
        } body: { port, _ in
            let duration = try await onThread {
                let client = try SocketClient(port: port)
                return try ContinuousClock().measure {
                    for _ in 0..<50 {
                        let reply = try client.request("GET", "/refused")
                        #expect(reply.status == 429)
                    }
                }
            }
            // Between two refusals it rests, or they are as far apart as that.
            #expect(duration > .nanoseconds(Self.rest) * 45)
        }
    }
}
