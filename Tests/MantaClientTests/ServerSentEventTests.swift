import MantaTestKit
import Testing

@testable import MantaClient

@Suite("Streams of events")
struct ServerSentEventTests {
    private static func parse(_ text: String, lastID: String = "") throws -> [ServerSentEvent] {
        var parser = ServerSentEventParser(lastID: lastID)
        return try parser.feed(Array(text.utf8))
    }

    @Test("an event has its id, kind and data")
    func event() throws {
        #expect(
            try Self.parse("id: 17\nevent: replica\ndata: {\"id\": 17}\n\n")
                == [ServerSentEvent(id: "17", name: "replica", data: "{\"id\": 17}")])
    }

    @Test(
        "the forms that the standard allows",
        arguments: [
            ("data: a\ndata: b\n\n", [ServerSentEvent(id: "", name: "message", data: "a\nb")]),
            (
                "data:a\r\rdata:  b\r\n\r\n",
                [.init(id: "", name: "message", data: "a"), .init(id: "", name: "message", data: " b")]
            ),
            (": comment\n\nevent: x\n\ndata\n\n", [.init(id: "", name: "message", data: "")]),
            (
                "id: 1\ndata: a\n\ndata: b\n\n",
                [.init(id: "1", name: "message", data: "a"), .init(id: "1", name: "message", data: "b")]
            ),
            ("id: 1\0\ndata: a\n\n", [.init(id: "", name: "message", data: "a")]),
            ("\u{FEFF}data: a\n\n", [.init(id: "", name: "message", data: "a")]),
            ("unknown: 1\ndata: a\n\ndata: never dispatched", [.init(id: "", name: "message", data: "a")]),
        ])
    func forms(text: String, events: [ServerSentEvent]) throws {
        #expect(try Self.parse(text) == events)
    }

    @Test("an event that never ends is refused before it takes all memory")
    func endless() {
        #expect(throws: ClientError(.data, "the server sent an event of more than 1 MiB")) {
            try Self.parse("data: " + String(repeating: "x", count: ServerSentEventParser.maxBytes + 1))
        }
        #expect(throws: ClientError.self) {
            try Self.parse(String(repeating: "data: \(String(repeating: "x", count: 1000))\n", count: 1100))
        }
    }

    @Test("whatever pieces a stream comes in, the events are the same")
    func pieces() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let atoms = [
            "\n", "\r", "\r\n", "\n\n", ":", " ", "data", "data: ", "id: ", "event: ", "x", "\u{E4}", "7", "\0",
        ]
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                atoms.randomElement(using: &random) ?? ""
            }.joined()
            let whole = try Self.parse(text)
            var parser = ServerSentEventParser()
            var events: [ServerSentEvent] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let length = Int.random(in: 1...min(7, rest.count), using: &random)
                events += try parser.feed(rest.prefix(length))
                rest = rest.dropFirst(length)
            }
            #expect(events == whole, "seed \(seed): \(text.debugDescription)")
            // CR, LF and CRLF end lines alike, so a text with one for the other means the same.
            #expect(try Self.parse(Self.withLineFeeds(text)) == whole, "seed \(seed): \(text.debugDescription)")
        }
    }

    private static func withLineFeeds(_ text: String) -> String {
        var unified = String.UnicodeScalarView()
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar != "\n" || last != "\r" { unified.append(scalar == "\r" ? "\n" : scalar) }
            last = scalar
        }
        return String(unified)
    }

    @Test("waits between tries grow up to a bound and differ")
    func backoff() {
        var random = SeededGenerator(seed: 7)
        var backoff = Backoff()
        let waits = (0..<12).map { _ in backoff.wait(using: &random) }

        for (number, wait) in waits.enumerated() {
            let longest = min(Duration.milliseconds(250) * (1 << number), .seconds(10))
            #expect(wait <= longest && wait >= longest * 0.75)
        }
        #expect(Set(waits).count == waits.count)
        backoff.reset()
        #expect(backoff.wait(using: &random) <= .milliseconds(250))
    }
}
