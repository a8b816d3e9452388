import MantaTestKit
import Testing

@testable import MantaHTTP

@Suite("Content codings", .timeLimit(.minutes(1)))
struct ContentCodingTests {
    @Test("bytes come back as they were", arguments: [ContentCoding.gzip, .deflate], [0, 1, 1000, 1_000_000])
    func roundTrip(coding: ContentCoding, size: Int) throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0) }

        let deflated = try #require(coding.deflate(bytes))

        #expect(try coding.inflate(deflated, limit: size) == bytes)
    }

    @Test("a small body that inflates to more than allowed is 413, with bounded memory")
    func bomb() throws {
        let bomb = try #require(ContentCoding.gzip.deflate([UInt8](repeating: 0, count: 50_000_000)))

        let error = #expect(throws: HTTPError.self) { try ContentCoding.gzip.inflate(bomb, limit: 1 << 20) }

        #expect(error?.status == .contentTooLarge)
    }

    @Test("what isn't in the format, or not all of it, is 400")
    func broken() throws {
        let whole = try #require(ContentCoding.gzip.deflate(Array("some text".utf8)))
        for bytes in [[], Array("plain".utf8), Array(whole.dropLast()), whole + [0]] {
            let error = #expect(throws: HTTPError.self) { try ContentCoding.gzip.inflate(bytes, limit: 1000) }
            #expect(error?.status == .badRequest)
        }
    }

    @Test(
        "the coding that the client likes best is taken",
        arguments: [
            ("gzip", ContentCoding.gzip), ("gzip, deflate", .gzip), ("deflate, gzip;q=0.5", .deflate),
            ("gzip;q=0.2, deflate;q=0.9", .deflate), ("identity", nil), ("identity, gzip;q=0.5", nil), ("br", nil),
            ("gzip;q=0", nil), ("", nil),
        ])
    func accepted(header: String, coding: ContentCoding?) {
        #expect(ContentCoding.accepted(header) == coding)
    }

    @Test("requests and replies are coded over the wire", arguments: [ContentCoding.gzip, .deflate])
    func overTheWire(coding: ContentCoding) async throws {
        let body = Array(String(repeating: "0.125, ", count: 1000).utf8)
        let coded = try #require(coding.deflate(body))
        let reply = try await serving { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(coded.count)\r\n"
                        + "Content-Encoding: \(coding.rawValue)\r\nAccept-Encoding: \(coding.rawValue)\r\n\r\n")
                try client.send(coded)
                return try client.reply()
            }
        }

        #expect(reply["Content-Encoding"] == coding.rawValue)
        #expect(try coding.inflate(reply.body, limit: body.count) == body)
    }
}
