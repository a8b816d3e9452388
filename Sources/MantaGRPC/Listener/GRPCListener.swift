package import Logging
package import MantaConfig
package import MantaGateway
public import MantaHTTP
import MantaThreads
import MantaTime
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
    private let certificate: Reloadable<TLSCertificate>?
    private let tokens: Reloadable<TokenSet>?
    private let core: CallCore
    private let logger: Logger
    /// Opened by ``start()``, served by ``run()``.
    private let socket = Mutex<Int32?>(nil)

    /// A listener that isn't open yet.
    package init(configuration: GRPCServerConfiguration, plane: DataPlane, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        certificate = configuration.tls.map { files in
            Reloadable { () throws(HTTPServerError) in try TLSCertificate(files) }
        }
        tokens = configuration.credentials.map { file in
            Reloadable { () throws(HTTPServerError) in try TokenSet(file: file) }
        }
        core = CallCore(
            methods: Methods(serving: plane, limits: configuration.limits),
            log: CallLog(logger: logger, logsCalls: configuration.accessLog), tokens: tokens,
            limits: configuration.limits)
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
        let connections = OpenConnections()
        let loops = (0..<configuration.threads).map { _ in
            EventLoop(
                socket: socket, core: core, certificate: certificate, connections: connections)
        }
        await withTaskGroup(of: Void.self) { tasks in
            for loop in loops { tasks.addTask { await Thread.run(name: "grpc") { loop.run() } } }
            // Ends quietly in both cases.
            try? await gracefulShutdown()
            for loop in loops { loop.mailbox.post(.drain(until: .now + configuration.drainTimeout)) }
        }
        close(socket)
        await core.tasks.allEnded()
    }
}
