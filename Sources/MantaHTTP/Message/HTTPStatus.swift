/// The status of a reply.
public struct HTTPStatus: Hashable, Sendable {
    /// The three digits.
    public let code: Int

    /// The status of this code.
    public init(_ code: Int) {
        self.code = code
    }

    /// 200.
    public static let ok = HTTPStatus(200)
    /// 400.
    public static let badRequest = HTTPStatus(400)
    /// 401.
    public static let unauthorized = HTTPStatus(401)
    /// 403.
    public static let forbidden = HTTPStatus(403)
    /// 404.
    public static let notFound = HTTPStatus(404)
    /// 405.
    public static let methodNotAllowed = HTTPStatus(405)
    /// 408.
    public static let requestTimeout = HTTPStatus(408)
    /// 411.
    public static let lengthRequired = HTTPStatus(411)
    /// 413.
    public static let contentTooLarge = HTTPStatus(413)
    /// 415.
    public static let unsupportedMediaType = HTTPStatus(415)
    /// 421.
    public static let misdirectedRequest = HTTPStatus(421)
    /// 429.
    public static let tooManyRequests = HTTPStatus(429)
    /// 431.
    public static let headersTooLarge = HTTPStatus(431)
    /// 499, for the log: nobody reads the reply.
    public static let clientClosedRequest = HTTPStatus(499)
    /// 500.
    public static let internalServerError = HTTPStatus(500)
    /// 503.
    public static let serviceUnavailable = HTTPStatus(503)
    /// 504.
    public static let gatewayTimeout = HTTPStatus(504)

    /// The reason phrase, where this module writes the status line itself.
    var reason: String {
        switch code {
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 503: "Service Unavailable"
        default: "Error"
        }
    }
}
