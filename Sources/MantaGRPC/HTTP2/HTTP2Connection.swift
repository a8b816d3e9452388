import CNGHTTP2
import MantaConfig
import MantaHTTP
import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// One client's connection: its socket, and nghttp2's session, which speaks HTTP/2 (RFC 9113). Its event loop's.
///
/// What it does with requests and replies stands in extensions.
@safe final class HTTP2Connection {
    let id: UInt64
    /// The client's address.
    let client: String
    let core: CallCore
    let mailbox: Mailbox
    let socket: ConnectionSocket
    /// nghttp2's session. It ends with this.
    let session: OpaquePointer
    var streams: [Int32: CallStream] = [:]
    /// What its event loop watches the socket for.
    var watched: UInt32 = 0

    /// What the socket didn't take: it is written before anything else.
    private var rest: [UInt8] = []
    /// When something came last, and when the client was asked whether it is there since.
    private var lastHeard = Instant.now
    private var askedAt: Instant?
    /// When the socket last took something that waited for it.
    private var lastWritten = Instant.now
    /// When there was a call last.
    var idleSince = Instant.now
    /// When the client was told that no more calls are taken soon.
    private var drainBegan: Instant?
    private var hasSaidGoodbye = false
    /// Since when it is over, and the client is to close it.
    private var finishedAt: Instant?

    /// A connection that was just accepted; `nil` if there is no memory for it.
    init?(
        id: UInt64, client: String, socket: ConnectionSocket, core: CallCore, mailbox: Mailbox,
        settings: SessionSettings
    ) {
        guard let session = unsafe settings.makeSession() else { return nil }
        unsafe self.session = session
        (self.id, self.client, self.socket, self.core) = (id, client, socket, core)
        self.mailbox = mailbox
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        unsafe settings.announce(core.limits, on: session)
    }

    deinit { unsafe nghttp2_session_del(session) }

    /// What a client may take.
    var limits: GRPCLimits { core.limits }

    // MARK: - Socket

    /// Whether the socket is to be watched for room to write, too.
    var waitsToWrite: Bool { socket.handshakeWaitsToWrite ?? !rest.isEmpty }

    /// Whether there is something to write that wasn't tried yet.
    var hasOutput: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    /// Whether the last ``flush(_:)`` ended before all was written, for others to have their turn.
    private(set) var isUnfinished = false

    /// Reads what has come.
    ///
    /// - Parameter buffer: Memory for it.
    /// - Returns: Whether the connection goes on.
    func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        // A bound, so that one client doesn't keep the others waiting. What is left is told again.
        for _ in 0..<Self.reads {
            let outcome = unsafe socket.receive(buffer)
            switch outcome {
            case .bytes(let count):
                (lastHeard, askedAt) = (.now, nil)
                if finishedAt == nil, unsafe nghttp2_session_mem_recv(session, buffer.baseAddress, count) < 0 {
                    return false
                }
                // A client that sends and never reads could have us queue without end.
                if unsafe nghttp2_session_get_outbound_queue_size(session) > maxQueued { return false }
                if count < buffer.count, !socket.readsInRecords { return true }
            case .waits: return true
            case .ended, .broken: return false
            }
        }
        return true
    }

    /// Writes what there is.
    ///
    /// - Parameter buffer: Memory for it; what is in it doesn't matter.
    /// - Returns: Whether the connection goes on.
    func flush(_ buffer: inout [UInt8]) -> Bool {
        isUnfinished = false
        if !rest.isEmpty {
            guard let count = write(rest) else { return false }
            if count == 0 { return true }
            lastWritten = .now
            rest = Array(rest[count...])
            if !rest.isEmpty { return true }
        }
        for turn in 0... {
            if turn == Self.writes {
                isUnfinished = true
                return true
            }
            buffer.removeAll(keepingCapacity: true)
            guard fill(&buffer) else { return false }
            if buffer.isEmpty { break }
            guard let count = write(buffer) else { return false }
            if count < buffer.count {
                rest = Array(buffer[count...])
                lastWritten = .now
                return true
            }
        }
        if finishedAt == nil, unsafe nghttp2_session_want_read(session) == 0,
            unsafe nghttp2_session_want_write(session) == 0
        {
            socket.finish()
            finishedAt = .now
        }
        return true
    }

    /// Takes frames from nghttp2, up to a limit. Returns whether the session goes on.
    private func fill(_ buffer: inout [UInt8]) -> Bool {
        while buffer.count < Self.outputBytes {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            if count < 0 { return false }
            if count == 0 { return true }
            unsafe buffer.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }
        return true
    }

    /// Writes bytes as far as the socket takes them. Returns how many; `nil` if it can't be gone on with.
    private func write(_ bytes: [UInt8]) -> Int? {
        var written = 0
        while written < bytes.count {
            let outcome = unsafe bytes.withUnsafeBytes { unsafe socket.send(.init(rebasing: $0[written...])) }
            switch outcome {
            case .bytes(let count): written += count
            case .waits: return written
            case .ended, .broken: return nil
            }
        }
        return written
    }

    // MARK: - Time

    /// Looks at what takes too long.
    ///
    /// - Returns: Whether the connection goes on.
    func check(at now: Instant) -> Bool {
        if let finishedAt { return now - finishedAt < Self.farewell }
        if let askedAt, now - askedAt >= Self.answerTime { return false }
        if askedAt == nil, now - lastHeard >= limits.keepalive {
            askedAt = now
            unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        }
        if !rest.isEmpty, now - lastWritten >= limits.keepalive + Self.answerTime { return false }
        for stream in streams.values { guard check(stream, at: now) else { return false } }
        let isIdle = streams.isEmpty && now - idleSince >= limits.idleTimeout
        let isOver = drainBegan.map { now - $0 >= Self.notice } ?? false
        // Written at once: the last call that it names is the last that is looked at.
        if isIdle || isOver, rest.isEmpty { sayGoodbye() }
        return true
    }

    /// Looks at a stream that takes too long. Returns whether the connection goes on.
    private func check(_ stream: CallStream, at now: Instant) -> Bool {
        if !stream.outgoing.isEmpty, now - stream.takenAt >= limits.idleTimeout { return false }
        guard !stream.isRefused, stream.end == nil else { return true }
        guard let accepted = stream.accepted else { return now - stream.began < limits.messageTimeout }
        if let deadline = accepted.call.deadline, now >= deadline {
            refuse(stream, GRPCError(.deadlineExceeded, "no answer in the time that the client gave"))
        } else if case .unary = accepted.answer, !stream.isDispatched, now - stream.began >= limits.messageTimeout {
            refuse(stream, GRPCError(.deadlineExceeded, "the message didn't come in time"))
        } else if let since = stream.waitingSince, stream.incoming?.unannounced ?? 0 == 0,
            now - since >= limits.messageTimeout
        {
            refuse(stream, GRPCError(.deadlineExceeded, "the message didn't come in time"))
        }
        return true
    }

    // MARK: - End

    /// The server stops: no more calls are taken soon, and streams end as soon as nothing of them is being worked on.
    func drain(at now: Instant) {
        drainBegan = now
        unsafe nghttp2_submit_shutdown_notice(session)
        for stream in streams.values { stream.accepted?.call.drain() }
    }

    /// Whether the server stops.
    var isDraining: Bool { drainBegan != nil }

    /// The server's time is over: ends the calls that are left.
    func cutOff() {
        for stream in streams.values {
            guard let accepted = stream.accepted else { continue }
            core.end(accepted.call, with: CancellationError(), at: accepted.port)
        }
    }

    /// It is gone, and all its streams with it.
    func closed() {
        for stream in streams.values { leave(stream) }
        streams = [:]
    }

    /// Takes no more calls. It is over when the last has ended.
    private func sayGoodbye() {
        guard !hasSaidGoodbye else { return }
        hasSaidGoodbye = true
        unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
            NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// How often is read before others have their turn.
    private static let reads = 8
    /// How much is written at a time, in bytes, but for the end of a frame.
    private static let outputBytes = 64 << 10
    /// How often that much is written before others have their turn.
    private static let writes = 16
    /// How many frames may wait to be written.
    private var maxQueued: Int { 4 * max(limits.concurrentStreams, 1000) }
    /// How long a client may take to say that it is there.
    private static let answerTime = Duration.seconds(20)
    /// Between the notice that no more calls will be taken and that none are: a call may be on its way (RFC 9113,
    /// section 6.8).
    private static let notice = Duration.milliseconds(100)
    /// How long the client has to close the connection when it is over; to close it before could take away from the client
    /// what it hasn't read.
    private static let farewell = Duration.milliseconds(500)
}
