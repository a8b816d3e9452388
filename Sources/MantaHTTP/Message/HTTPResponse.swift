/// A reply.
public struct HTTPResponse: Sendable {
    /// The status.
    public var status: HTTPStatus
    /// The header fields; length, date and request id are added.
    public var headers: HTTPHeaders
    /// The body.
    public var body: HTTPBody
    /// Whether it may be compressed for a client that accepts that.
    public var isCompressible = true

    /// A reply.
    public init(status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: HTTPBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A reply with this JSON text.
    public static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": "application/json"], body: .bytes(bytes))
    }
}

/// The body of a reply.
public enum HTTPBody: Sendable {
    case empty
    case bytes([UInt8])
    /// Written while it is sent. The reply ends when the closure returns; if it throws, the connection is cut, so that
    /// the client sees that the body isn't whole.
    case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
    /// Written while it is sent, without an end of its own, such as events as they come. When the server begins to stop,
    /// its task is cancelled and the reply ends as if it were whole: the stop isn't held up.
    case endless(@Sendable (HTTPBodyWriter) async throws -> Void)
}

/// A failure that a handler answers with: JSON `{"error": "…"}`.
public struct HTTPError: Error, Sendable {
    /// The status.
    public var status: HTTPStatus
    /// For the client.
    public var message: String
    /// Further header fields, such as `Retry-After`.
    public var headers: HTTPHeaders

    /// A failure.
    public init(_ status: HTTPStatus, _ message: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.message = message
        self.headers = headers
    }

    var response: HTTPResponse {
        var body: [UInt8] = []
        body.reserveCapacity(message.utf8.count + 16)
        body += "{\"error\":\"".utf8
        Self.quote(message, to: &body)
        body += "\"}".utf8
        var response = HTTPResponse.json(body, status: status)
        for field in headers.fields { response.headers.append(field.name, field.value) }
        response.isCompressible = false
        return response
    }

    /// Appends a text as what is between the quotes of a JSON string.
    private static func quote(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case 0..<0x20: bytes += ((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8
            default: bytes.append(byte)
            }
        }
    }
}
