import AsyncHTTPClient
import FoundationEssentials
import MantaStore
import MantaTime
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Asks the members of an etcd, one after the other until one answers.
final class EtcdConnection: Sendable {
    /// Why one member gave no answer.
    enum Failure: Error {
        /// It can't be reached, and has not been asked.
        case unreachable(String)
        /// It has been asked, and may have done it or not.
        case unanswered(String)
        /// It, and so all of them, refuse.
        case refused(StoreError)
    }

    /// More than a page of the largest entries takes.
    private static let maxReplyBytes = 512 << 20
    /// A watch has its connection for itself.
    private static let maxWatches = 100_000

    let settings: EtcdSettings
    /// Over when the store was closed.
    let end = EndSignal()
    private let group: MultiThreadedEventLoopGroup
    private let calls: HTTPClient
    private let streams: HTTPClient
    private let endpoints: Mutex<EtcdEndpoints>
    private let token = Mutex<String?>(nil)

    /// Nothing is sent yet.
    init(_ settings: EtcdSettings) throws(StoreError) {
        self.settings = settings
        endpoints = Mutex(EtcdEndpoints(try settings.checkedEndpoints()))
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try settings.tls.configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Another member is tried instead.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = TimeAmount(settings.timeout / settings.endpoints.count)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var streaming = configuration
        streaming.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.maxWatches
        streams = HTTPClient(eventLoopGroup: group, configuration: streaming)
        // Looked at by the client's own thread: it holds even when the cooperative pool is busy.
        configuration.timeout.read = TimeAmount(settings.timeout)
        calls = HTTPClient(eventLoopGroup: group, configuration: configuration)
    }

    /// Ends all calls and watches. A second call does nothing.
    func close() async {
        guard end.end() else { return }
        try? await calls.shutdown()
        try? await streams.shutdown()
        try? await group.shutdownGracefully()
    }

    /// The members, the one that answered last first.
    var inOrder: [String] { endpoints.withLock { $0.inOrder } }

    /// A member didn't answer.
    func failed(_ endpoint: String) {
        endpoints.withLock { $0.failed(endpoint) }
    }

    /// Posts a request to one member after the other, until one answers or the time is over.
    ///
    /// A request that may not be done twice goes to another member only if it didn't reach the first.
    func call<Request: EtcdRequest>(_ request: Request) async throws(StoreError) -> Request.Reply {
        let deadline = Instant.now + settings.timeout
        let members = inOrder
        var reasons: [String] = []
        for (index, member) in members.enumerated() {
            try checkOpen()
            let remaining = deadline - .now
            guard remaining > .zero else { break }
            do throws(Failure) {
                let limit = Request.isRepeatable ? remaining / (members.count - index) : remaining
                let reply = try await ask(member, request, within: limit)
                endpoints.withLock { $0.answered(member) }
                return reply
            } catch {
                try checkOpen()
                if Task.isCancelled { throw StoreError(.unavailable, "what was asked of etcd was given up: cancelled") }
                failed(member)
                switch error {
                case .refused(let refusal): throw refusal
                case .unreachable(let reason): reasons.append("\(member): \(reason)")
                case .unanswered(let reason):
                    reasons.append("\(member): \(reason)")
                    if !Request.isRepeatable { throw .unreachable(reasons) }
                }
            }
        }
        throw .unreachable(reasons)
    }

    /// Posts a request to one member.
    func ask<Request: EtcdRequest>(
        _ member: String, _ request: Request, within limit: Duration
    ) async throws(Failure) -> Request.Reply {
        do throws(Failure) {
            return try await authenticated(member, request, within: limit)
        } catch {
            // Tokens are forgotten after five minutes without use, at a restart, and when users are changed.
            guard case .refused(let refusal) = error, refusal.isOfToken, settings.user != nil else { throw error }
            forgetToken()
            return try await authenticated(member, request, within: limit)
        }
    }

    /// Lets the next call ask for a new token.
    func forgetToken() {
        token.withLock { $0 = nil }
    }

    private func authenticated<Request: EtcdRequest>(
        _ member: String, _ request: Request, within limit: Duration
    ) async throws(Failure) -> Request.Reply {
        let token = try await currentToken(member, within: limit)
        return try await post(member, request, token: token, within: limit)
    }

    private func currentToken(_ member: String, within limit: Duration) async throws(Failure) -> String? {
        guard let user = settings.user else { return nil }
        if let token = token.withLock({ $0 }) { return token }
        do throws(Failure) {
            let request = EtcdAuthenticate(name: user.name, password: user.password)
            let token = try await post(member, request, token: nil, within: limit).token
            self.token.withLock { $0 = token }
            return token
        } catch {
            // Whoever sets etcd up may make the user first.
            guard case .refused(let refusal) = error, refusal.saysThatThereAreNoUsers else { throw error }
            return nil
        }
    }

    private func post<Request: EtcdRequest>(
        _ member: String, _ request: Request, token: String?, within limit: Duration
    ) async throws(Failure) -> Request.Reply {
        let message = try message(member + Request.path, request, token: token)
        let (status, body) = try await within(limit) { [calls] in
            let response = try await calls.execute(message, deadline: .distantFuture)
            return (response.status.code, try await response.body.collect(upTo: Self.maxReplyBytes))
        }
        let data = Data(body.readableBytesView)
        let reply = status == 200 ? try? JSONDecoder().decode(Request.Reply.self, from: data) : nil
        guard let reply, reply.header != nil else {
            throw Failure(status: status, body: data, from: member, Request.path, settings)
        }
        return reply
    }

    private func message(
        _ url: String, _ content: some Encodable, token: String?
    ) throws(Failure) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: url)
        message.method = .POST
        message.headers.add(name: "Content-Type", value: "application/json")
        if let token { message.headers.add(name: "Authorization", value: token) }
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            message.body = .bytes(ByteBuffer(bytes: try encoder.encode(content)))
        } catch {
            throw .refused(StoreError(.invalid, "a request can't be written as JSON: \(error)", cause: error))
        }
        return message
    }

    /// Begins a watch at one member: its reply goes on until somebody lets go of it.
    func stream(_ member: String, _ request: EtcdWatchCreate) async throws(Failure) -> HTTPClientResponse.Body {
        let limit = settings.timeout
        let token = try await currentToken(member, within: limit)
        let message = try message(member + EtcdWatchCreate.path, request, token: token)
        let response = try await within(limit) { [streams] in
            try await streams.execute(message, deadline: .distantFuture)
        }
        guard response.status == .ok else {
            let body = try await within(limit) { try await response.body.collect(upTo: 1 << 20) }
            throw Failure(
                status: response.status.code, body: Data(body.readableBytesView), from: member, EtcdWatchCreate.path,
                settings)
        }
        return response.body
    }

    /// Does what talks to a member, for so long at most.
    func within<Result: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async throws -> Result
    ) async throws(Failure) -> Result {
        do {
            guard let result = try await MachineTime().result(within: limit, of: work) else {
                throw Failure.unanswered("it doesn't answer within \(Int(limit.milliseconds)) ms")
            }
            return result
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(error)
        }
    }

    /// Throws if the store was closed.
    func checkOpen() throws(StoreError) {
        guard !end.isOver else { throw StoreError(.closed, "the store is closed") }
    }
}

extension StoreError {
    /// No member answered.
    fileprivate static func unreachable(_ reasons: [String]) -> StoreError {
        let reasons = reasons.isEmpty ? "the time was over" : reasons.joined(separator: "; ")
        return StoreError(.unavailable, "etcd doesn't answer: \(reasons)")
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        self = .nanoseconds(duration.nanoseconds)
    }
}

extension EtcdSettings.TLS {
    fileprivate func configuration() throws(StoreError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let trustRoots { tls.trustRoots = .certificates(try Self.certificates(trustRoots)) }
        guard let certificate else {
            if let key { throw StoreError(.invalid, "\(key): a key without a certificate, expected both or none") }
            return tls
        }
        guard let key else { throw StoreError(.invalid, "\(certificate): a certificate without a key, expected both") }
        tls.certificateChain = try Self.certificates(certificate).map { .certificate($0) }
        do {
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        } catch {
            throw StoreError(.invalid, "\(key): expected a file with a key, PEM", cause: error)
        }
        return tls
    }

    private static func certificates(_ file: String) throws(StoreError) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(file), !certificates.isEmpty else {
            throw StoreError(.invalid, "\(file): expected a file with certificates, PEM")
        }
        return certificates
    }
}
