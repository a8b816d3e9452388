import FuzzKit

/// Reads replies as a strict client does (RFC 9112).
struct ReplyReader {
    private var rest: ArraySlice<UInt8>
    /// The last bytes may be lost.
    private let mayBeCut: Bool
    /// The replies may lack their bodies, since the request may be one for a head.
    private let mayLackBodies: Bool

    /// A finding unless these bytes are replies, one after the other.
    static func check(_ outcome: ByteStream.Outcome, mayLackBodies: Bool) {
        var reader = ReplyReader(
            rest: outcome.received[...], mayBeCut: outcome.wasReset, mayLackBodies: mayLackBodies)
        while !reader.rest.isEmpty, reader.readReply() {}
    }

    /// Returns false if the rest can't be read but may be what it is.
    private mutating func readReply() -> Bool {
        guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else {
            expect(mayBeCut, "a head without an end: \(shown)")
            return false
        }
        let lines = rest[..<end.lowerBound].split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        guard let status = lines.first?.wholeMatch(of: /HTTP\/1\.[01] ([1-5][0-9][0-9]) .+/).flatMap({ Int($0.1) })
        else { finding("not a status line: \(shown)") }
        let fields = lines.dropFirst().map { line in
            guard let match = line.wholeMatch(of: /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)/) else {
                finding("not a header field: \(line)")
            }
            return (name: match.1.lowercased(), value: String(match.2))
        }
        func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        let head = rest[..<end.upperBound]
        rest = rest[end.upperBound...]
        if status >= 400, value("x-request-id") == nil {
            // A refusal of libmicrohttpd's own. Release 0.9.75 writes the head of some twice, and answers 500 where its
            // memory for a request is too small; neither can be kept from out here.
            if rest.starts(with: head) { rest = rest.dropFirst(head.count) }
        } else {
            // What a client sends is never the server's fault, and here nothing else can go wrong.
            expect(status != 500, "status 500: \(shown)")
        }
        if status < 200 || status == 204 || status == 304 { return true }
        if mayLackBodies { return false }
        guard let length = value("content-length").flatMap({ Int($0) }) else {
            finding("a reply without its length: \(shown)")
        }
        guard length <= rest.count else {
            expect(mayBeCut, "\(rest.count) bytes of \(length): \(shown)")
            return false
        }
        let body = Array(rest.prefix(length))
        rest = rest.dropFirst(length)
        if value("content-type") == "application/json", value("content-encoding") == nil {
            expect(
                JSONGrammar.depth(of: body) != nil, "a body that isn't JSON: \(String(decoding: body, as: UTF8.self))")
            if status >= 400 {
                expect(body.starts(with: Array("{\"error\":\"".utf8)), "status \(status) without an error")
                expect(body.count < 32 << 10, "an error of \(body.count) bytes")
            }
        }
        return true
    }

    private var shown: String { String(decoding: rest.prefix(1000), as: UTF8.self) }
}
