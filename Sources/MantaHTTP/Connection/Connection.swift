import MantaTime
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The end of a server: since when it stops, and until when what is under way may finish.
struct Drain: Sendable {
    /// When it began.
    let began: Instant
    /// When the rest is given up.
    let deadline: Instant
    /// How long a connection that waits for its next request stays open, so that a request that is on its way already
    /// is answered.
    static let idleGrace = Duration.milliseconds(200)
    /// How long an endless body may take to end.
    static let streamGrace = Duration.seconds(1)
}

/// One client's connection: in which phase it is, since when, and whether its client has gone.
///
/// libmicrohttpd's threads move it from phase to phase; the watch looks at it from its own thread. The descriptor stays
/// open for as long as the connection is in the ``ConnectionTable``.
final class Connection: Sendable {
    /// What the connection is doing.
    enum Phase: Sendable {
        /// Waits for a request's first byte.
        case idle
        /// The request line is there, the header fields are on their way.
        case header
        /// The body is on its way.
        case body
        /// A handler works; libmicrohttpd has suspended the connection.
        case handling(Exchange)
        /// The reply is on its way, perhaps written while it is sent.
        case replying(Exchange)
        /// The reply is written while it is sent, without an end of its own.
        case streaming(Exchange)
        /// Given up by us: whatever still comes in is not served.
        case abandoned
    }

    private struct State: Sendable {
        var phase = Phase.idle
        var since = Instant.now
        var requests = 0
        /// When the client was seen to close its sending side, or both.
        var closedSince: Instant?
        var clientHasGone = false

        /// Whether no request can come any more and it is time that libmicrohttpd had noticed. It overlooks the end of
        /// what it is sent if that comes together with the last bytes.
        func isOverlooked(at now: Instant) -> Bool {
            guard let closedSince, now - closedSince > .milliseconds(250) else { return false }
            switch phase {
            case .idle, .header, .body: return true
            case .handling, .replying, .streaming, .abandoned: return false
            }
        }
    }

    /// Names it in the table.
    let id: UInt64
    /// The socket.
    let descriptor: Int32
    /// The client's address, without the port.
    let remoteAddress: String
    /// What its TLS session uses, for as long as it lives; `nil` if bytes may be written to the socket as they are.
    private let certificate: TLSCertificate?
    private let state = Mutex(State())

    init(id: UInt64, descriptor: Int32, remoteAddress: String, certificate: TLSCertificate?) {
        (self.id, self.descriptor, self.remoteAddress) = (id, descriptor, remoteAddress)
        self.certificate = certificate
    }

    /// Goes on to a phase.
    ///
    /// - Returns: False if the connection was abandoned.
    func enter(_ phase: Phase, at now: Instant) -> Bool {
        state.withLock { state in
            if case .abandoned = state.phase { return false }
            if case .header = phase { state.requests += 1 }
            (state.phase, state.since) = (phase, now)
            return true
        }
    }

    /// Whether the client was seen to leave.
    var clientHasGone: Bool { state.withLock { $0.clientHasGone } }

    /// The client has closed its sending side, or both, or was cut off.
    ///
    /// - Parameter counts: Whether it counts as gone, so that what it waits for is cancelled.
    func clientClosed(countsAsGone counts: Bool) {
        let exchange: Exchange? = state.withLock { state in
            state.closedSince = state.closedSince ?? .now
            guard counts else { return nil }
            state.clientHasGone = true
            switch state.phase {
            case .handling(let exchange), .replying(let exchange), .streaming(let exchange): return exchange
            default: return nil
            }
        }
        exchange?.cancel()
    }

    /// Ends what has lasted too long.
    ///
    /// To be called with the connection's socket held open.
    ///
    /// - Parameters:
    ///   - limits: How long each phase may last.
    ///   - drain: Set when the server stops.
    ///   - now: The present.
    /// - Returns: What is to be done with the connection's exchange, without a lock.
    func enforce(_ limits: HTTPLimits, drain: Drain?, at now: Instant) -> Ending? {
        switch verdict(limits, drain, now) {
        case .goOn: return nil
        case .endExchange(let ending): return ending
        case .end(let error):
            if let error { send(error) }
            shutdown(descriptor, Int32(SHUT_RDWR))
            return nil
        case .cut(let exchange, let error):
            shutdown(descriptor, Int32(SHUT_RDWR))
            return .giveUp(exchange, error)
        }
    }

    /// How an exchange ends before its time.
    enum Ending {
        /// The handler is answered for.
        case giveUp(Exchange, HTTPError)
        /// The endless body is to end where it is.
        case endStream(Exchange)
    }

    private enum Verdict {
        case goOn
        /// The connection ends, after these words if there are any.
        case end(HTTPError?)
        /// The connection goes on, what is under way ends.
        case endExchange(Ending)
        /// The reply is cut off where it is.
        case cut(Exchange, HTTPError)
    }

    private func verdict(_ limits: HTTPLimits, _ drain: Drain?, _ now: Instant) -> Verdict {
        state.withLock { state in
            let elapsed = now - state.since
            let isOver = drain.map { now >= $0.deadline } ?? false
            let verdict: Verdict =
                switch state.phase {
                case _ where state.isOverlooked(at: now) && isAtEnd: .end(nil)
                // Whoever is about to send its next request gets the chance, and is then told to close.
                case .idle where drain != nil:
                    (isOver || elapsed > Drain.idleGrace) && !hasUnreadBytes ? .end(nil) : .goOn
                // A new connection owes a request as soon as one that has sent its first line.
                case .idle where state.requests == 0: elapsed > limits.headerTimeout ? .end(.tooSlow) : .goOn
                case .idle: elapsed > limits.idleTimeout ? .end(nil) : .goOn
                case .header where !isOver: elapsed > limits.headerTimeout ? .end(.tooSlow) : .goOn
                case .body where !isOver: elapsed > limits.bodyTimeout ? .end(.tooSlow) : .goOn
                case .header, .body: .end(.stopping)
                case .handling(let exchange) where isOver: .endExchange(.giveUp(exchange, .stopping))
                case .handling(let exchange) where elapsed > limits.handlerTimeout:
                    .endExchange(.giveUp(exchange, .late(limits.handlerTimeout)))
                // A reader that takes a byte now and then would hold up the end for ever.
                case .replying(let exchange) where isOver:
                    elapsed > Drain.idleGrace
                        ? .cut(exchange, .stopping) : .endExchange(.giveUp(exchange, .stopping))
                // Nor does a body without an end of its own get all the time there is.
                case .streaming(let exchange):
                    switch drain {
                    case let drain? where isOver || min(elapsed, now - drain.began) > Drain.streamGrace:
                        .cut(exchange, .stopping)
                    case .some: .endExchange(.endStream(exchange))
                    case nil: .goOn
                    }
                case .handling, .replying, .abandoned: .goOn
                }
            if case .end = verdict { state.phase = .abandoned }
            return verdict
        }
    }

    /// Whether something has arrived that libmicrohttpd hasn't looked at yet.
    private var hasUnreadBytes: Bool { peek() > 0 }

    /// Whether everything that the client sent has been read, and nothing more can come.
    private var isAtEnd: Bool { peek() == 0 }

    private func peek() -> Int {
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    }

    /// Gives the connection up while a request arrives, with a reply where one can be written.
    func abandon(with error: HTTPError) {
        let wasAbandoned = state.withLock { state in
            if case .abandoned = state.phase { return true }
            state.phase = .abandoned
            return false
        }
        if !wasAbandoned { send(error) }
    }

    /// Writes a whole reply past libmicrohttpd, which has none under way in the phases in which this is called. Over
    /// TLS nothing can be said.
    private func send(_ error: HTTPError) {
        guard certificate == nil, case .bytes(let body) = error.response.body else { return }
        let head =
            "HTTP/1.1 \(error.status.code) \(error.status.reason)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        let bytes = Array(head.utf8) + body
        _ = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
    }
}

extension HTTPError {
    fileprivate static var stopping: HTTPError { HTTPError(.serviceUnavailable, "the server is stopping") }
    fileprivate static var tooSlow: HTTPError { HTTPError(.requestTimeout, "the request took too long to arrive") }
    fileprivate static func late(_ limit: Duration) -> HTTPError {
        HTTPError(.gatewayTimeout, "no answer within \(limit)")
    }
}
