public import MantaCore
import AsyncHTTPClient
import FoundationEssentials
import MantaTime
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import NIOPosix

/// Reaches models of other servers by the Open Inference Protocol over HTTP, with binary tensors.
///
/// ```swift
/// let remotes = RemoteClient()
/// let description = try await remotes.describe(address, within: .seconds(5))
/// try await remotes.shutdown()
/// ```
public final class RemoteClient: RemoteModels {
    /// The most bytes of a reply.
    private static let maxReplyBytes = 1 << 30
    /// Far more than the lanes of any server.
    private static let maxConnections = 256

    private static let slack = TimeAmount.milliseconds(250)

    private let client: HTTPClient
    private let token: String?

    /// A client with connections of its own, which it keeps as long as they are used.
    ///
    /// - Parameter token: What it shows to all servers; `nil` for nothing.
    public init(token: String? = nil) {
        self.token = token
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Whether and where to try again is for the replicas to decide.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.maxConnections
        // Sooner than servers close connections that nobody uses, so that none is used at that moment.
        configuration.connectionPool.idleTimeout = .seconds(15)
        configuration.timeout.connect = .seconds(1)
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// Closes its connections. Nothing may use it after that.
    public func shutdown() async throws { try await client.shutdown() }

    /// Reads the model's metadata, and its configuration where the server tells it.
    public func describe(
        _ address: RemoteAddress, within limit: Duration
    ) async throws(RemoteFailure) -> RemoteDescription {
        let deadline = NIODeadline.now() + TimeAmount(limit)
        let metadata = try await reply(to: .init(url: address.description), address, deadline)
        guard metadata.status == 200 else { throw metadata.refusal(of: address) }
        let configuration = try await reply(to: .init(url: "\(address)/config"), address, deadline)
        guard configuration.status < 500 else { throw configuration.refusal(of: address) }
        // The protocol doesn't demand it.
        let answer = configuration.status == 200 ? configuration.body : nil
        return try RemoteDescription(metadata: metadata.body, configuration: answer, of: address)
    }

    /// Asks for the server's liveness.
    public func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {
        let request = HTTPClientRequest(url: address.server + "/v2/health/live")
        let reply = try await reply(to: request, address, .now() + TimeAmount(limit))
        guard reply.status < 500 else { throw reply.refusal(of: address) }
    }

    /// Sends an inference request with binary tensors, the time that is left as its `timeout`, and the headers of its trace.
    public func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        var request = HTTPClientRequest(url: "\(address)/infer")
        request.method = .POST
        let (body, headerLength) = batch.encoded()
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.headers.add(name: "Inference-Header-Content-Length", value: "\(headerLength)")
        if let trace = batch.trace {
            request.headers.add(name: "traceparent", value: trace.parent)
            if let state = trace.state { request.headers.add(name: "tracestate", value: state) }
        }
        request.body = .bytes(body)
        let reply: RemoteReply
        do throws(RemoteFailure) {
            // The server has the same time, and a moment to say that it is over.
            reply = try await self.reply(to: request, address, .now() + TimeAmount(batch.timeout) + Self.slack)
        } catch {
            // Whether the server lives is looked at otherwise: the time may have been too short for any.
            guard error.kind == .silent else { throw error }
            throw RemoteFailure(.late, error.message)
        }
        guard reply.status == 200 else { throw reply.refusal(of: address) }
        return try batch.outputs(in: reply.body, headerLength: reply.headerLength, from: address)
    }

    private func reply(
        to request: HTTPClientRequest, _ address: RemoteAddress, _ deadline: NIODeadline
    ) async throws(RemoteFailure) -> RemoteReply {
        var request = request
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        do {
            let response = try await client.execute(request, deadline: deadline)
            let length = response.headers.first(name: "Inference-Header-Content-Length").flatMap(Int.init)
            return RemoteReply(
                status: Int(response.status.code), headerLength: length,
                body: try await response.body.collect(upTo: Self.maxReplyBytes))
        } catch {
            throw RemoteFailure(error, at: address)
        }
    }
}

/// What a server has answered.
struct RemoteReply {
    private struct Document: Decodable {
        let error: String?
    }

    let status: Int
    /// How many bytes of the body are JSON, where tensors follow.
    let headerLength: Int?
    let body: ByteBuffer

    /// What a reply that isn't a success says of the request and of the server.
    func refusal(of address: RemoteAddress) -> RemoteFailure {
        let document = try? JSONDecoder().decode(Document.self, from: Data(buffer: body))
        let message = "\(address): \(document?.error ?? "status \(status)")"
        return switch status {
        // It has more to do than it takes, of others too: whoever asks is to know.
        case 429: RemoteFailure(.answered(.overloaded), message)
        case 502, 503: RemoteFailure(.refused, message)
        case 504: RemoteFailure(.answered(.deadlineExceeded), message)
        // It has no such model, or isn't a server of models at all.
        case 404, 405, 401, 403, 300..<400: RemoteFailure(.refused, message)
        case 400..<500: RemoteFailure(.answered(.invalidRequest), message)
        default: RemoteFailure(.answered(.engineFailed), message)
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(duration.nanoseconds)
    }
}
