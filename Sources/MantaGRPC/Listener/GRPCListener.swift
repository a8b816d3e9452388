import GRPCCore
import GRPCNIOTransportHTTP2Posix
package import Logging
package import MantaConfig
package import MantaGateway
public import MantaHTTP
import MantaThreads
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The listener for inference over gRPC.
///
/// ```swift
/// let listener = GRPCListener(configuration: configuration, plane: plane, logger: logger)
/// let address = try listener.start()   // connections wait from here on
/// try await listener.run()             // until shutdown; every accepted call is answered
/// ```
public final class GRPCListener: Service {
    private let configuration: GRPCServerConfiguration
    private let certificate: Reloadable<TLSContext>?
    private let tokens: Reloadable<TokenSet>?
    private let methods: Methods
    private let logger: Logger
    /// Opened by ``start()``, given to the transport by ``run()``.
    private let socket = Mutex<Int32?>(nil)

    /// A listener that isn't open yet.
    package init(configuration: GRPCServerConfiguration, plane: DataPlane, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        certificate = configuration.tls.map { files in
            Reloadable { () throws(HTTPServerError) in try TLSContext(files) }
        }
        tokens = configuration.credentials.map { file in
            Reloadable { () throws(HTTPServerError) in try TokenSet(file: file) }
        }
        let core = CallCore(log: CallLog(logger: logger, logsCalls: configuration.accessLog), tokens: tokens)
        methods = Methods(serving: plane, core: core, limits: configuration.limits)
    }

    deinit {
        // Not run: a start-up that failed later on. Nothing was promised to anybody.
        if let socket = socket.withLock({ $0.take() }) { close(socket) }
    }

    /// Opens the listener. What connects waits for ``run()``.
    ///
    /// - Returns: Where it listens; `nil` if it isn't to.
    /// - Throws: ``HTTPServerError`` if the address is taken, or a file of the certificate or the credentials can't be
    ///   used.
    public func start() throws(HTTPServerError) -> HTTPAddress? {
        guard let endpoint = configuration.endpoint else { return nil }
        try read()
        let wanted = HTTPAddress(host: endpoint.host, port: endpoint.port)
        if tokens != nil, certificate == nil, !wanted.isThisMachineOnly {
            logger.warning("Tokens cross the network unencrypted", metadata: ["listener": "grpc"])
        }
        let (descriptor, address) = try ListeningSocket.open(host: endpoint.host, port: endpoint.port)
        socket.withLock { $0 = descriptor }
        return address
    }

    /// Reads certificate, key and credentials again. Connections that exist go on with the certificate that they began
    /// with; new ones get the new one, and every call from now on needs one of the new tokens.
    ///
    /// - Throws: ``HTTPServerError`` with every fault of the files. What they can't replace stays in force.
    public func reload() async throws(HTTPServerError) {
        guard configuration.endpoint != nil else { return }
        try await Thread.run(name: "grpc-reload") { [self] () throws(HTTPServerError) in try read() }
    }

    private func read() throws(HTTPServerError) {
        let faults =
            HTTPServerError.faults { () throws(HTTPServerError) in try certificate?.reload() }
            + HTTPServerError.faults { () throws(HTTPServerError) in try tokens?.reload() }
        guard faults.isEmpty else { throw HTTPServerError(faults) }
    }

    /// Serves until graceful shutdown, or until its task is cancelled; then takes no more connections, lets calls that
    /// have begun finish within the configured time, and ends the rest with UNAVAILABLE.
    public func run() async throws {
        guard let socket = socket.withLock({ $0.take() }) else {
            try? await gracefulShutdown()
            return
        }
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: configuration.threads)
        let served = await serve(on: socket, threads)
        // Nothing that lives on them is left by now.
        try await threads.shutdownGracefully()
        if methods.core.registry.isDraining { return }
        try served.get()
    }

    private func serve(on socket: Int32, _ threads: MultiThreadedEventLoopGroup) async -> Result<Void, any Error> {
        let factory = ConnectionFactory(
            socket: socket, group: threads, certificate: certificate, limits: configuration.limits)
        let server = GRPCServer(
            transport: Methods.Transport(listenerFactory: factory, config: transportConfiguration),
            router: methods.router)
        // Not a child, since it mustn't be cancelled: it ends when its connections have.
        let serving = Task { await Result(of: server.serve) }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { _ = await serving.value }
            tasks.addTask {
                // Ends quietly in both cases.
                try? await gracefulShutdown()
                await self.drain(server)
                factory.connections.closeAll()
            }
            // Serving ends by itself when all clients have gone, else with the drain.
            await tasks.next()
            tasks.cancelAll()
        }
        return await serving.value
    }

    private func drain(_ server: GRPCServer<Methods.Transport>) async {
        let registry = methods.core.registry
        registry.drain()
        server.beginGracefulShutdown()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Calls that were on their way when clients were told to send no more come within the farewell.
                repeat {
                    await registry.allEnded()
                    try? await Task.sleep(for: Self.farewell)
                } while !registry.isEmpty
            }
            tasks.addTask { [configuration] in
                try? await Task.sleep(for: configuration.drainTimeout)
                if registry.isEmpty { return }
                registry.close()
                try? await Task.sleep(for: Self.farewell)
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    private var transportConfiguration: Methods.Transport.Config {
        let limits = configuration.limits
        var settings = Methods.Transport.Config.defaults
        settings.compression.enabledAlgorithms = [.gzip, .deflate]
        settings.rpc.maxRequestPayloadSize = limits.messageBytes
        settings.http2.maxConcurrentStreams = limits.concurrentStreams
        settings.http2.targetWindowSize = Self.windowBytes
        settings.http2.maxFrameSize = Self.frameBytes
        settings.connection.maxIdleTime = limits.idleTimeout
        settings.connection.keepalive.time = limits.keepalive
        settings.connection.keepalive.timeout = ConnectionFactory.pingTimeout
        // It waits for more to send, which costs a lone request time and saves a busy connection little.
        settings.connection.flushCoalescing = nil
        let streams = StreamGuard.Settings(
            messageBytes: limits.messageBytes, messageTimeout: TimeAmount(limits.messageTimeout),
            streamingPaths: Set(
                methods.router.methods.filter { $0.type != .unary }.map { "/" + $0.fullyQualifiedMethod }))
        settings.channelDebuggingCallbacks.onAcceptHTTP2Stream = { channel in
            channel.eventLoop.makeCompletedFuture { try StreamGuard.add(to: channel, streams) }
        }
        return settings
    }

    /// How much of a message may be under way before we have read it: tensors are large, and a round trip for each
    /// 64 KiB would be most of the time they take.
    private static let windowBytes = 4 << 20
    /// The largest frame that clients may send.
    private static let frameBytes = 1 << 20
    /// Between the end of the last call and that of its connection: for the reply to leave, and the client to take leave.
    private static let farewell = Duration.milliseconds(500)
}
