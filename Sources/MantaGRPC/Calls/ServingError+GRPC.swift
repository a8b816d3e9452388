import MantaCore
import MantaTime

extension ServingError {
    /// The status that a client of gRPC sees.
    ///
    /// A full queue is UNAVAILABLE, as it is with Triton: clients that retry do so on this status.
    var status: GRPCStatus {
        switch code {
        case .invalidRequest: .invalidArgument
        case .alreadyExists: .alreadyExists
        case .forbidden: .permissionDenied
        case .notFound: .notFound
        case .cancelled: .cancelled
        case .unsupported: .unimplemented
        case .modelUnavailable, .shuttingDown, .overloaded: .unavailable
        case .deadlineExceeded: .deadlineExceeded
        default: .internalError
        }
    }

    /// What a call ends with, with when to try again where that can help (gRFC A6).
    var grpcError: GRPCError {
        var error = GRPCError(status, statusMessage)
        if let retryAfter {
            let milliseconds = max(1, Int64(retryAfter.milliseconds.rounded(.up)))
            error.trailers.add("grpc-retry-pushback-ms", String(milliseconds))
        }
        return error
    }

    /// The message as far as trailers hold it: a client's own names in it may be as long as a message.
    var statusMessage: String { Self.shortened(message) }

    /// A text that may be a client's, as far as a message takes it.
    static func shortened(_ text: String) -> String {
        let limit = 1000
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
