import AsyncHTTPClient
import MantaTime
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A Manta, as seen through its endpoints.
///
/// ```swift
/// let table = try await ServerConnection.open(settings) { server in
///     try await StatusPage(server: server).block()
/// }
/// ```
package struct ServerConnection: Sendable {
    /// The size that a reply may have; far more than any document, and enough for the outputs of large models.
    private static let maxReplyBytes = 1 << 30

    /// Where it answers.
    package let settings: ConnectionSettings
    private let client: HTTPClient

    /// Calls `body` with a connection that is there for as long as it runs, and leaves no thread behind.
    ///
    /// - Throws: What `body` throws, or ``ClientError`` if the certificates to trust can't be used.
    package static func open<Result: Sendable>(
        _ settings: ConnectionSettings, _ body: (ServerConnection) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try settings.trust.configuration()
        // A redirect would take the token elsewhere.
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // A refusal is to be told, not to be tried again for the time a connection may take.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = TimeAmount(settings.timeout)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(ServerConnection(settings: settings, client: client)))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        try? await group.shutdownGracefully()
        return try result.get()
    }

    /// Sends a request and reads the whole reply.
    ///
    /// - Throws: ``ClientError`` if there is none in time, or if it says that something is wrong.
    package func reply(to request: ServerRequest) async throws -> ServerReply {
        let reply = try await within(settings.timeout + request.wait) {
            let response = try await client.execute(message(request), deadline: .distantFuture)
            return try await Self.whole(response)
        }
        guard reply.status < 300 else { throw refusal(reply, of: request) }
        return reply
    }

    /// Sends a request whose reply goes on, and hands on its bytes as they come.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - take: Takes the bytes, none at first: the reply has begun.
    /// - Throws: What `take` throws, or ``ClientError`` if nothing answers, what answers refuses, or the connection is
    ///   lost. A reply that just ends is no error.
    package func stream(_ request: ServerRequest, take: ([UInt8]) async throws -> Void) async throws {
        let response = try await within(settings.timeout) {
            try await client.execute(message(request), deadline: .distantFuture)
        }
        guard response.status.code < 300 else {
            throw refusal(try await within(settings.timeout) { try await Self.whole(response) }, of: request)
        }
        try await take([])
        do {
            for try await chunk in response.body {
                do {
                    try await take(Array(chunk.readableBytesView))
                } catch {
                    throw TakerFailure(cause: error)
                }
            }
        } catch let error as TakerFailure {
            throw error.cause
        } catch {
            guard error is CancellationError || Task.isCancelled else { throw ClientError.lost(settings.url, error) }
            throw CancellationError()
        }
    }

    /// Not the connection failed, but whoever takes its bytes.
    private struct TakerFailure: Error {
        let cause: any Error
    }

    private func message(_ request: ServerRequest) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: settings.url.description + request.target)
        message.method = HTTPMethod(rawValue: request.method)
        if let token = settings.token { message.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for field in request.headers { message.headers.add(name: field.name, value: field.value) }
        if let body = request.body { message.body = .bytes(body, length: .known(Int64(body.count))) }
        return message
    }

    private static func whole(_ response: HTTPClientResponse) async throws -> ServerReply {
        let body = try await response.body.collect(upTo: maxReplyBytes)
        return ServerReply(
            status: Int(response.status.code), timing: response.headers.first(name: "Server-Timing"),
            body: Array(body.readableBytesView))
    }

    /// Does what talks to the server, for so long at most.
    private func within<Result: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            guard let result = try await MachineTime().result(within: limit, of: work) else {
                throw ClientError(.unavailable, "\(settings.url) doesn't answer within \(limit.text)")
            }
            return result
        } catch {
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            throw error as? ClientError ?? ClientError.unreachable(settings.url, error)
        }
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension ConnectionSettings.Trust {
    fileprivate func configuration() throws(ClientError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        switch self {
        case .system: break
        case .anyone: tls.certificateVerification = .none
        case .file(let path):
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
                throw ClientError(.usage, "\(path): expected a file with certificates, PEM")
            }
            tls.trustRoots = .certificates(certificates)
        }
        return tls
    }
}
