/// A request to a Manta, as curl could send it.
package struct ServerRequest: Sendable {
    /// GET, PUT, POST or DELETE.
    package var method: String
    /// The segments of the path, as they are: they are percent-encoded when sent.
    package var path: [String]
    /// The query, in this order.
    package var query: [(name: String, value: String)] = []
    /// Further header fields.
    package var headers: [(name: String, value: String)] = []
    /// The body, if it has one.
    package var body: [UInt8]?
    /// How long the server may take on top of what any request may.
    package var wait = Duration.zero
    /// What is at fault when the server finds the request wrong.
    package var fault = ClientError.Kind.unavailable

    /// A request without query, body and further header fields.
    package init(_ method: String, _ path: String...) {
        self.method = method
        self.path = path
    }

    /// Gives it a body.
    package mutating func setBody(_ body: [UInt8], type: String) {
        self.body = body
        headers.append((name: "Content-Type", value: type))
    }

    /// Asks the server to wait until the change is done, whole seconds up to 60.
    package mutating func wait(for seconds: Int) {
        guard seconds > 0 else { return }
        query.append((name: "wait", value: "\(seconds)s"))
        wait = .seconds(seconds)
    }

    /// Path and query, percent-encoded (RFC 3986).
    package var target: String {
        let path = path.map { "/" + Self.encoded($0) }.joined()
        let query = query.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
        return query.isEmpty ? path : "\(path)?\(query)"
    }

    /// The text with all but the unreserved characters as `%XX`.
    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}

/// A reply, whole.
package struct ServerReply: Sendable {
    /// The status.
    package var status: Int
    /// `Server-Timing`, if the server sent it.
    package var timing: String?
    /// The body.
    package var body: [UInt8]
}
