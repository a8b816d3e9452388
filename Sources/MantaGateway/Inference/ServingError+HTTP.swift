import MantaCore
import MantaHTTP
import MantaTime

extension ServingError {
    /// The status that a client of HTTP sees.
    var status: HTTPStatus {
        switch code {
        case .invalidRequest, .alreadyExists: HTTPStatus(400)
        case .forbidden: HTTPStatus(403)
        case .notFound: HTTPStatus(404)
        case .overloaded: .tooManyRequests
        case .cancelled: HTTPStatus(499)
        case .unsupported: HTTPStatus(501)
        case .modelUnavailable, .shuttingDown: HTTPStatus(503)
        case .deadlineExceeded: HTTPStatus(504)
        default: HTTPStatus(500)
        }
    }

    /// The reply that says so, with `Retry-After` in whole seconds where a retry can help.
    var reply: HTTPError {
        var headers: HTTPHeaders = [:]
        if let retryAfter {
            let parts = retryAfter.components
            headers.append("Retry-After", String(max(1, parts.seconds + (parts.attoseconds > 0 ? 1 : 0))))
        }
        return HTTPError(status, message, headers: headers)
    }
}
