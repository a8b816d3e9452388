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
    private let connections = ConnectionCount()

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
                guard connections.open(atMost: limits.connections) else {
                    return channel.close().flatMapThrowing { throw ChannelError.alreadyClosed }
                }
                channel.closeFuture.whenComplete { _ in connections.close() }
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

/// Counts connections.
private final class ConnectionCount: Sendable {
    private let count = Atomic(0)

    /// Counts another one, unless there are as many as may be.
    func open(atMost limit: Int) -> Bool {
        if count.add(1, ordering: .relaxed).newValue <= limit { return true }
        close()
        return false
    }

    func close() { count.subtract(1, ordering: .relaxed) }
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
