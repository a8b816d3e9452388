import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

extension ClientError {
    /// Nothing answers there.
    static func unreachable(_ url: ServerURL, _ error: any Error) -> ClientError {
        let hint = "; is `manta serve` running?"
        return switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first {
                ClientError(.unavailable, "nothing answers at \(url): \(words(failure.error))\(hint)")
            } else {
                ClientError(.unavailable, "nothing answers at \(url): the name \"\(error.host)\" isn't known")
            }
        case let error as IOError: ClientError(.unavailable, "nothing answers at \(url): \(words(error))\(hint)")
        case let error as HTTPClientError where error == .connectTimeout:
            ClientError(.unavailable, "nothing answers at \(url): no connection in time")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            ClientError(.unavailable, "\(url) closed the connection without an answer")
        case let error as HTTPClientError where [.invalidURL, .emptyHost, .emptyScheme].contains(error):
            ClientError(.usage, "\(url): expected \(ServerURL.expected)")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            ClientError(.unavailable, "the certificate of \(url) is for another name")
        case NIOSSLError.handshakeFailed(let cause):
            if "\(cause)".contains("CERTIFICATE_VERIFY_FAILED") {
                ClientError(
                    .unavailable, "the certificate of \(url) isn't trusted; give that of its authority with --ca")
            } else {
                ClientError(.unavailable, "no HTTPS connection to \(url) can be made; is it HTTPS that it speaks?")
            }
        default: ClientError(.unavailable, "\(url) can't be talked to: \(error)")
        }
    }

    /// The connection went away within a reply.
    static func lost(_ url: ServerURL, _ error: any Error) -> ClientError {
        if error as? HTTPClientError == .remoteConnectionClosed {
            return ClientError(.unavailable, "the connection to \(url) was lost: the server closed it")
        }
        return ClientError(.unavailable, "the connection to \(url) was lost: \(words(error))")
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? IOError else {
            return error is ChannelError ? "no connection in time" : "\(error)"
        }
        let text = unsafe String(cString: strerror(error.errnoCode))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}

extension ServerConnection {
    private struct ErrorDocument: Decodable {
        let error: String?
        /// What reading the configuration again found, a line each.
        let faults: [String]?
    }

    /// What a reply that isn't a success says.
    func refusal(_ reply: ServerReply, of request: ServerRequest) -> ClientError {
        let document = try? JSONDecoder().decode(ErrorDocument.self, from: Data(reply.body))
        let message =
            document?.error ?? document?.faults?.joined(separator: "\n")
            ?? "\(settings.url)\(request.target) answers with status \(reply.status)"
        switch reply.status {
        case 401, 403:
            let hint = settings.token == nil ? "; give a token with --token-file or MANTA_TOKEN" : ""
            return ClientError(.unauthorised, message + hint)
        case 400, 409, 413, 415, 422: return ClientError(request.fault, message)
        default: return ClientError(.unavailable, message)
        }
    }
}
