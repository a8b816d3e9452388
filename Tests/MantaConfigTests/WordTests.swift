import Testing

@testable import MantaConfig

@Suite("Words")
struct WordTests {
    @Test(
        "the nearest word is guessed",
        arguments: [
            ("treads", "threads"), ("thraeds", "threads"), ("listn", "listen"), ("access-log", "access_log"),
            ("accessLog", "access_log"), ("tsl", "tls"), ("port", nil), ("", nil), ("x", nil),
            (String(repeating: "threads", count: 100), nil),
        ])
    func nearest(word: String, guess: String?) {
        #expect(NearestWord.find(word, among: ["listen", "threads", "tls", "access_log"]) == guess)
    }

    @Test("edits are counted")
    func distance() {
        #expect(NearestWord.distance("", "") == 0)
        #expect(NearestWord.distance("", "abc") == 3)
        #expect(NearestWord.distance("abc", "") == 3)
        #expect(NearestWord.distance("kitten", "sitting") == 3)
        #expect(NearestWord.distance("ab", "ba") == 1)
    }

    @Test(
        "a plain word is what JSON would have it be",
        arguments: [
            ("", .nothing), ("~", .nothing), ("null", .nothing), ("true", .flag(true)), ("false", .flag(false)),
            ("0", .integer("0")), ("-7", .integer("-7")), ("+7", .integer("+7")), ("1.50", .decimal("1.50")),
            ("1e3", .decimal("1e3")), ("-2.5E-3", .decimal("-2.5E-3")), ("00", .string("00")), ("1.", .string("1.")),
            (".5", .string(".5")), ("1_0", .string("1_0")), ("yes", .string("yes")), ("NULL", .string("NULL")),
            ("2024-01-01", .string("2024-01-01")), ("٣", .string("٣")),
        ] as [(String, ScalarValue)])
    func plain(text: String, value: ScalarValue) {
        #expect(ScalarValue(plain: text) == value)
    }

    @Test(
        "an endpoint has a host and a port",
        arguments: [
            ("127.0.0.1:8000", "127.0.0.1", 8000), (":0", "127.0.0.1", 0), ("localhost:65535", "localhost", 65535),
            ("[::1]:80", "::1", 80), ("[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80),
        ])
    func endpoint(text: String, host: String, port: Int) throws {
        let endpoint = try #require(Endpoint(text))

        #expect((endpoint.host, endpoint.port) == (host, port))
    }

    @Test(
        "anything else is no endpoint",
        arguments: [
            "", ":", "8000", "a", "a:", "a:+80", "a:65536", "a:-1", "a:80 ", " a:80", "::1:80", "[::1]", "[]:80",
            "[a]b:80", "http://a:80", "a/b:80", "a:b:80", "a:٣", "a\n:80",
        ])
    func notAnEndpoint(text: String) {
        #expect(Endpoint(text) == nil)
    }
}
