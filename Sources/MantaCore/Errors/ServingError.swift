/// What went wrong on the way from a request to its reply.
///
/// It says what failed. Status code, retry and the replica's health are decided by whoever reads it.
public struct ServingError: Error, Sendable {
    /// What kind of failure it is: safe as a metric's label and in a reply.
    public var code: Code
    /// For the caller: our wording, with names and numbers of the request.
    public var message: String
    /// How long to wait before another try, or `nil` when a retry can't help.
    public var retryAfter: Duration?
    /// For the log only.
    public var cause: (any Error)?

    /// A failure of this kind.
    public init(_ code: Code, _ message: String, retryAfter: Duration? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = Self.shortened(message)
        self.retryAfter = retryAfter
        self.cause = cause
    }
}

extension ServingError {
    /// The message with its middle left out if it is long. Names that a client chose are part of many messages and may
    /// be as long as a request; what is wrong with them follows at the end.
    private static func shortened(_ message: String) -> String {
        let half = 500
        guard message.utf8.count > 2 * half, message.unicodeScalars.count > 2 * half else { return message }
        return String(message.unicodeScalars.prefix(half)) + "…" + String(message.unicodeScalars.suffix(half))
    }

    /// The kinds of failure. A struct, so that a new kind breaks nobody who switches over them.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidRequest, alreadyExists, forbidden, unsupported, notFound, modelUnavailable, overloaded
            case deadlineExceeded, cancelled, shuttingDown, engineFailed, `internal`
        }

        private let kind: Kind

        /// The request is wrong; the message names the field.
        public static let invalidRequest = Code(kind: .invalidRequest)
        /// The request would make something that is there already.
        public static let alreadyExists = Code(kind: .alreadyExists)
        /// The request asks for what this server was told not to do.
        public static let forbidden = Code(kind: .forbidden)
        /// The request asks for what this server doesn't do.
        public static let unsupported = Code(kind: .unsupported)
        /// There is no such model, version or shared memory region.
        public static let notFound = Code(kind: .notFound)
        /// The model exists but can't serve: it loads, or it failed to.
        public static let modelUnavailable = Code(kind: .modelUnavailable)
        /// The queue is full.
        public static let overloaded = Code(kind: .overloaded)
        /// The request's time was over before its answer was there.
        public static let deadlineExceeded = Code(kind: .deadlineExceeded)
        /// The caller has gone.
        public static let cancelled = Code(kind: .cancelled)
        /// The server stops.
        public static let shuttingDown = Code(kind: .shuttingDown)
        /// The engine refused the run or broke.
        public static let engineFailed = Code(kind: .engineFailed)
        /// A mistake of ours.
        public static let `internal` = Code(kind: .internal)

        /// The name, as in metrics and logs.
        public var description: String { kind.rawValue }
    }
}
