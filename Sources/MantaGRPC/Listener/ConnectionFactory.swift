import GRPCNIOTransportHTTP2Posix
import MantaConfig
import MantaHTTP
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Makes connections of what a socket accepts: within their limit, with the certificate of the moment.
struct ConnectionFactory: HTTP2ServerTransport.ListenerFactory {
    private let socket: Int32
    private let group: MultiThreadedEventLoopGroup
    private let certificate: Reloadable<TLSContext>?
    private let limits: GRPCLimits
    /// The connections that are open.
    let connections = OpenConnections()

    init(
        socket: Int32, group: MultiThreadedEventLoopGroup, certificate: Reloadable<TLSContext>?, limits: GRPCLimits
    ) {
        (self.socket, self.group, self.certificate, self.limits) = (socket, group, certificate, limits)
    }

    /// The threads that read and write.
    var eventLoopGroup: any EventLoopGroup { group }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        try await ServerBootstrap(group: group)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .bind(socket) { channel in
                guard connections.add(channel, atMost: limits.connections) else {
                    return channel.close().flatMapThrowing { throw ChannelError.alreadyClosed }
                }
                return channel.eventLoop.makeCompletedFuture { try prepare(channel) }.flatMap {
                    connectionConfigurator.configure(
                        channel: channel, tls: certificate == nil ? .none : .configured(requireALPN: false))
                }
            }
    }

    private func prepare(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        // Whoever is there answers the keepalive's ping, so silence beyond it means that nobody is.
        let silence = limits.keepalive + Self.pingTimeout + .seconds(10)
        try pipeline.addHandler(IdleStateHandler(readTimeout: TimeAmount(silence)))
        try pipeline.addHandler(SilenceHandler())
        if let certificate = certificate?.value {
            try pipeline.addHandler(NIOSSLServerHandler(context: certificate.context))
        }
    }

    /// How long a client may take to answer the keepalive's ping.
    static let pingTimeout = Duration.seconds(20)
}

/// The connections that are open.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Takes another one, unless there are as many as may be.
    func add(_ channel: any Channel, atMost limit: Int) -> Bool {
        let id = ObjectIdentifier(channel)
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.channels.count < limit else { return false }
            state.channels[id] = channel
            return true
        }
        if isTaken { channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } } }
        return isTaken
    }

    /// Closes all, and takes no more. To cancel what serves them instead would make the transport drop streams that it
    /// hasn't looked at, which NIO ends the process for.
    func closeAll() {
        let channels = state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }
}

/// Closes a connection whose client has gone without a word.
private final class SilenceHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
