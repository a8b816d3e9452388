import CMantaHTTP
import Logging
import MantaCore
import MantaThreads
import MantaTime
import Synchronization

/// One request and its reply: gathers the body, runs the handler as a task of its own, hands over the reply.
///
/// libmicrohttpd calls it on the connection's thread. While the handler waits, the connection is suspended and the
/// exchange is the task's; resuming gives it back. So no two threads ever use the connection at a time.
///
/// Unchecked Sendable: `mhd` is constant and used as above; all else is constant or behind the mutex.
@safe final class Exchange: @unchecked Sendable {
    /// What the exchange is made of once its head is accepted.
    private final class Accepted: Sendable {
        let head: RequestHead
        let target: Routes.Target
        let principal: String?
        let parameters: PathParameters

        init(_ head: RequestHead, _ target: Routes.Target, _ parameters: PathParameters, principal: String?) {
            (self.head, self.target, self.parameters, self.principal) = (head, target, parameters, principal)
        }
    }

    private struct State {
        var accepted: Accepted?
        var body: [UInt8] = []
        var isSuspended = false
        /// There is a reply, from the handler or in its place.
        var isAnswered = false
        /// The reply, until it is queued.
        var reply: Reply?
        var isQueued = false
        /// What writes the reply's body while it is sent.
        var stream: HTTPBodyWriter?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    let connection: Connection
    /// libmicrohttpd's connection.
    let mhd: OpaquePointer
    private let target: String
    private let server: ServerCore
    private let state = Mutex(State())
    /// Set with the head; before that nobody asks.
    private let identity = Mutex((id: "", receivedAt: Instant.now))

    init(target: String, mhd: OpaquePointer, connection: Connection, server: ServerCore) {
        self.target = target
        unsafe self.mhd = mhd
        self.connection = connection
        self.server = server
    }

    // MARK: - On the connection's thread

    /// libmicrohttpd calls: with the head first, then with parts of the body, then at its end, then once more when it
    /// was resumed.
    func advance(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, bytes: UnsafeRawBufferPointer
    ) -> MHD_Result {
        let (isAccepted, reply, isQueued) = state.withLock { state in
            (state.accepted != nil, state.reply.take(), state.isQueued)
        }
        if let reply { return queue(reply) }
        if isQueued { return .YES }
        guard isAccepted else {
            return unsafe begin(
                method: HTTPMethod(rawValue: String(cString: method)),
                isHostRequired: String(cString: version) != "HTTP/1.0")
        }
        return unsafe bytes.isEmpty ? dispatch() : receive(bytes)
    }

    /// Accepts or refuses the head. A refusal is sent without reading the body.
    private func begin(method: HTTPMethod, isHostRequired: Bool) -> MHD_Result {
        let now = Instant.now
        guard connection.enter(.body, at: now) else { return .NO }
        let headers = unsafe HTTPHeaders(of: mhd)
        identity.withLock { $0 = (RequestID.choose(headers["X-Request-Id"]), now) }
        do throws(HTTPError) {
            let head = try RequestHead(
                method: method, target: target, headers: headers, isHostRequired: isHostRequired,
                limits: server.limits)
            let accepted = try accept(head)
            // Not all that is announced is reserved: a client might never send it.
            let expected = min(head.contentLength ?? 0, 1 << 20)
            state.withLock { state in
                state.accepted = accepted
                state.body.reserveCapacity(expected)
            }
            return .YES
        } catch {
            log(status: error.status)
            // Without its body the request's end isn't known, so the connection ends with the reply.
            return queue(Reply(error.response, exchange: self, isLast: true))
        }
    }

    private func accept(_ head: RequestHead) throws(HTTPError) -> Accepted {
        try server.browserGuard?.check(head)
        switch server.routes.match(head.method, path: head.path) {
        case .found(let target, let parameters):
            let principal = try principal(of: head, on: target)
            if target.body == .required, !head.announcesBody {
                throw HTTPError(.lengthRequired, "the request has no body: send it with Content-Length, or in chunks")
            }
            return Accepted(head, target, parameters, principal: principal)
        case .methodNotAllowed(let allowed):
            throw HTTPError(
                .methodNotAllowed, "\(head.method.rawValue) isn't allowed on \(head.path); allowed: \(allowed)",
                headers: ["Allow": allowed])
        case .notFound: throw HTTPError(.notFound, "there is nothing at \(head.path)")
        case .malformed:
            throw HTTPError(.badRequest, "the path \(head.path) has a broken escape or a control character")
        }
    }

    private func principal(of head: RequestHead, on target: Routes.Target) throws(HTTPError) -> String? {
        if let tokens = target.nodes?.tokens {
            return try BearerToken.principal(of: head.headers["Authorization"], among: tokens)
        }
        guard let tokens = server.tokens, target.access == .protected else { return nil }
        return try BearerToken.principal(of: head.headers["Authorization"], among: tokens.value)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        let fits = state.withLock { state in
            guard state.body.count + bytes.count <= server.limits.bodyBytes else { return false }
            unsafe state.body.append(contentsOf: bytes)
            return true
        }
        if fits { return .YES }
        // Only a body in chunks gets here; it may never end, so the connection does.
        let error = HTTPError(.contentTooLarge, "the body is larger than \(server.limits.bodyBytes) bytes")
        connection.abandon(with: error)
        log(status: error.status)
        return .NO
    }

    /// Lets the handler work, and suspends the connection unless it is done at once.
    ///
    /// The handler of a small request starts on this thread, which saves waking another one up: up to where it first
    /// waits it only reads what it got. Large bodies would hold up the thread's other connections.
    private func dispatch() -> MHD_Result {
        guard connection.enter(.handling(self), at: .now) else { return .NO }
        server.handlers.began()
        let isSmall = state.withLock { $0.body.count <= Self.smallBody && $0.accepted?.head.coding == nil }
        let executor = FollowUpExecutor.shared
        let task =
            isSmall
            ? Task.immediate(executorPreference: executor) { await self.handle() }
            : Task(executorPreference: executor) { await self.handle() }
        let (reply, isCancelled) = state.withLock { state -> (Reply?, Bool) in
            state.task = task
            if let reply = state.reply.take() { return (reply, state.isCancelled) }
            // Under the lock, so that nobody resumes before.
            unsafe MHD_suspend_connection(mhd)
            state.isSuspended = true
            return (nil, state.isCancelled)
        }
        // Whoever gave up on it before now didn't know the task.
        if isCancelled || reply == nil && connection.clientHasGone { cancel() }
        return reply.map(queue) ?? .YES
    }

    private func queue(_ reply: Reply) -> MHD_Result {
        state.withLock { $0.isQueued = true }
        manta_count_reply(reply.refuses ? 1 : 0)
        _ = connection.enter(reply.isEndless ? .streaming(self) : .replying(self), at: .now)
        return unsafe reply.queue(on: mhd)
    }

    /// The reply is sent, or the connection is gone.
    func completed() {
        // One that has answered, and streams nothing, has no task that waits for anything.
        let isDone = state.withLock { $0.isAnswered && $0.stream == nil }
        if !isDone { cancel() }
        _ = connection.enter(.idle, at: .now)
    }

    // MARK: - On any thread

    /// The client has gone, or the server stops.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// Answers in the handler's place: its time is over. A body that is being streamed is cut off.
    func giveUp(_ error: HTTPError) {
        if answer(error.response) { log(status: error.status) }
        cancel()
        state.withLock { $0.stream }?.abort()
    }

    /// The server begins to stop, and the body that is being streamed has no end of its own.
    func endStream() {
        state.withLock { $0.stream }?.end()
        cancel()
    }

    /// Hands over the reply. Returns false if there is one already.
    private func answer(_ response: HTTPResponse) -> Bool {
        let reply = Reply(response, exchange: self, isLast: server.isDraining)
        let (isFirst, wasSuspended) = state.withLock { state in
            guard !state.isAnswered else { return (false, false) }
            state.isAnswered = true
            (state.reply, state.stream) = (reply, reply.stream)
            defer { state.isSuspended = false }
            return (true, state.isSuspended)
        }
        if wasSuspended { unsafe MHD_resume_connection(mhd) }
        return isFirst
    }

    // MARK: - In the task

    private func handle() async {
        defer { server.handlers.ended() }
        let response = await respond()
        guard answer(response) else { return }
        log(status: response.status)
        await state.withLock { $0.stream }?.run()
    }

    // What waits for nothing has a function of its own: the frame of an asynchronous one is allocated, with room for
    // all that is in it.

    private func respond() async -> HTTPResponse {
        do {
            let (target, request) = try call()
            return encoded(try await target.handler(request), for: request)
        } catch {
            return response(to: error)
        }
    }

    /// The handler, and what it is called with.
    @inline(never) private func call() throws(HTTPError) -> (Routes.Target, HTTPRequest) {
        let (accepted, body) = state.withLock { state in
            defer { state.body = [] }
            return (state.accepted, state.body)
        }
        guard let accepted else { throw HTTPError(.internalServerError, "internal error") }
        let (id, receivedAt) = identity.withLock { $0 }
        let request = HTTPRequest(
            head: accepted.head, parameters: accepted.parameters,
            body: try accepted.head.coding?.inflate(body, limit: server.limits.bodyBytes) ?? body, id: id,
            receivedAt: receivedAt, remoteAddress: connection.remoteAddress, principal: accepted.principal)
        return (accepted.target, request)
    }

    @inline(never) private func response(to error: any Error) -> HTTPResponse {
        if let error = error as? HTTPError { return error.response }
        if error is CancellationError { return HTTPError(.clientClosedRequest, "the client has gone").response }
        server.logger.error("Handler failed", metadata: ["error": "\(error)", "request.id": "\(id)"])
        return HTTPError(.internalServerError, "internal error").response
    }

    /// Compresses a reply that is worth it, if the client takes it.
    @inline(never) private func encoded(_ response: HTTPResponse, for request: HTTPRequest) -> HTTPResponse {
        guard response.isCompressible, case .bytes(let bytes) = response.body, bytes.count >= 1024,
            response.headers["Content-Encoding"] == nil,
            let coding = ContentCoding.accepted(request.headers["Accept-Encoding"]),
            let deflated = coding.deflate(bytes), deflated.count < bytes.count
        else { return response }
        var response = response
        response.body = .bytes(deflated)
        response.headers.append("Content-Encoding", coding.rawValue)
        response.headers.append("Vary", "Accept-Encoding")
        return response
    }

    // MARK: - Log

    /// The request's id.
    var id: String { identity.withLock { $0.id } }

    private func log(status: HTTPStatus) {
        let (accepted, receivedAt) = (state.withLock { $0.accepted }, identity.withLock { $0.receivedAt })
        let duration = Instant.now - receivedAt
        server.record(status)
        guard server.logsRequests, accepted?.target.nodes == nil else { return }
        var metadata: Logger.Metadata = [
            "http.method": "\(accepted?.head.method.rawValue ?? "-")", "http.target": "\(target)",
            "http.status": "\(status.code)", "duration_ms": "\(duration.milliseconds)", "request.id": "\(id)",
            "client": "\(connection.remoteAddress)",
        ]
        if let principal = accepted?.principal { metadata["principal"] = "\(principal)" }
        if let trace = accepted?.head.headers.trace { metadata["trace.id"] = "\(trace.id)" }
        server.logger.info("Request", metadata: metadata)
    }

    /// The largest body, in bytes, that is read on the connection's thread.
    private static let smallBody = 16 << 10
}
