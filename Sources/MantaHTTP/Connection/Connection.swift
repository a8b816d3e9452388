import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

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
        /// Given up by us: whatever still comes in is not served.
        case abandoned
    }

    private struct State: Sendable {
        var phase = Phase.idle
        var since = ContinuousClock.now
        var requests = 0
        var clientHasGone = false
    }

    /// Names it in the table.
    let id: UInt64
    /// The socket.
    let descriptor: Int32
    /// The client's address, without the port.
    let remoteAddress: String
    /// Whether bytes may be written to the socket as they are.
    let isPlain: Bool
    private let state = Mutex(State())

    init(id: UInt64, descriptor: Int32, remoteAddress: String, isPlain: Bool) {
        (self.id, self.descriptor, self.remoteAddress, self.isPlain) = (id, descriptor, remoteAddress, isPlain)
    }

    /// Goes on to a phase.
    ///
    /// - Returns: False if the connection was abandoned.
    func enter(_ phase: Phase, at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            if case .abandoned = state.phase { return false }
            if case .header = phase { state.requests += 1 }
            (state.phase, state.since) = (phase, now)
            return true
        }
    }

    /// The exchange that a handler works on, or whose reply is being sent.
    var exchange: Exchange? {
        state.withLock { state in
            switch state.phase {
            case .handling(let exchange), .replying(let exchange): exchange
            default: nil
            }
        }
    }

    /// Whether a request has begun to arrive and isn't answered yet.
    var isBusy: Bool {
        state.withLock { state in
            switch state.phase {
            case .idle, .abandoned: false
            default: true
            }
        }
    }

    /// Whether the client was seen to leave.
    var clientHasGone: Bool { state.withLock { $0.clientHasGone } }

    /// The client has left, or closed its sending side: what it waits for is cancelled.
    func clientLeft() {
        let exchange: Exchange? = state.withLock { state in
            state.clientHasGone = true
            switch state.phase {
            case .handling(let exchange), .replying(let exchange): return exchange
            default: return nil
            }
        }
        exchange?.cancel()
    }

    /// Ends the connection if its phase has lasted too long.
    func enforce(_ limits: HTTPLimits, at now: ContinuousClock.Instant) {
        let (isOver, reply) = state.withLock { state -> (Bool, Bool) in
            let elapsed = now - state.since
            let verdict: (Bool, Bool)
            switch state.phase {
            // A new connection owes a request as soon as one that has sent its first line.
            case .idle where state.requests == 0: verdict = (elapsed > limits.headerTimeout, true)
            case .idle: verdict = (elapsed > limits.idleTimeout, false)
            case .header: verdict = (elapsed > limits.headerTimeout, true)
            case .body: verdict = (elapsed > limits.bodyTimeout, true)
            case .handling, .replying, .abandoned: verdict = (false, false)
            }
            if verdict.0 { state.phase = .abandoned }
            return verdict
        }
        guard isOver else { return }
        if reply { send(HTTPError(.requestTimeout, "the request took too long to arrive")) }
        shutdown(descriptor, Int32(SHUT_RDWR))
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

    /// Ends the connection if nothing is under way on it.
    func closeIfIdle() {
        let isIdle = state.withLock { state in
            guard case .idle = state.phase else { return false }
            state.phase = .abandoned
            return true
        }
        if isIdle { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Writes a whole reply past libmicrohttpd, which has none under way in the phases in which this is called. Over
    /// TLS nothing can be said.
    private func send(_ error: HTTPError) {
        guard isPlain, case .bytes(let body) = error.response.body else { return }
        let head =
            "HTTP/1.1 \(error.status.code) \(error.status.reason)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        let bytes = Array(head.utf8) + body
        _ = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT.rawValue | MSG_NOSIGNAL.rawValue))
        }
    }
}
