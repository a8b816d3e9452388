public import Logging
import MantaThreads
import MantaTime
public import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A listener and its routes.
///
/// ```swift
/// let server = HTTPServer(configuration: configuration, routes: routes, logger: logger)
/// let address = try server.start()   // takes requests from here on
/// try await server.run()             // until shutdown; every accepted request is answered
/// ```
public final class HTTPServer: Service {
    private struct Running: Sendable {
        let socket: Int32
        let daemon: Daemon
    }

    private let configuration: HTTPServerConfiguration
    private let core: ServerCore
    private let running = Mutex<Running?>(nil)

    /// A server that doesn't listen yet.
    public init(configuration: HTTPServerConfiguration, routes: Routes, logger: Logger) {
        self.configuration = configuration
        core = ServerCore(configuration: configuration, routes: routes, logger: logger)
    }

    deinit {
        // Not run to its end: a start-up that failed later on. Nothing was promised to anybody.
        guard let running = running.withLock({ $0.take() }) else { return }
        core.connections.stop()
        running.daemon.quiesce(running.socket)
        running.daemon.stop()
        close(running.socket)
    }

    /// Connections open now.
    public var connectionCount: Int { core.connections.count }

    /// Opens the listener and begins to serve.
    ///
    /// - Returns: Where it listens.
    /// - Throws: ``HTTPServerError`` if the address is taken, a file of the certificate or the credentials can't be used,
    ///   or operators' changes would be open to other machines.
    public func start() throws(HTTPServerError) -> HTTPAddress {
        try configuration.checkExposure()
        try core.reload()
        if configuration.credentials != nil, configuration.tls == nil, !configuration.listensOnThisMachineOnly {
            core.logger.warning("Tokens cross the network unencrypted", metadata: ["listener": "\(configuration.name)"])
        }
        let (socket, address) = try ListeningSocket.open(host: configuration.host, port: configuration.port)
        do throws(HTTPServerError) {
            let daemon = try Daemon(socket: socket, configuration: configuration, core: core)
            running.withLock { $0 = Running(socket: socket, daemon: daemon) }
        } catch {
            close(socket)
            throw error
        }
        Thread.start(name: "http-watch") { [connections = core.connections] in connections.run() }
        return address
    }

    /// Reads certificate, key and credentials again. Connections that exist go on with the certificate that they began
    /// with; new ones get the new one, and every request from now on needs one of the new tokens.
    ///
    /// - Throws: ``HTTPServerError`` with every fault of the files. What they can't replace stays in force: the old
    ///   certificate, the old tokens.
    public func reload() async throws(HTTPServerError) {
        try await Thread.run(name: "http-reload") { [core] () throws(HTTPServerError) in try core.reload() }
    }

    /// Serves until graceful shutdown, or until its task is cancelled, then drains.
    public func run() async throws {
        // Ends quietly in both cases.
        try? await gracefulShutdown()
        await drain()
    }

    /// Takes no more connections; lets requests that have begun finish within the configured time and answers the rest
    /// with 503; then closes everything. A second call does nothing.
    public func drain() async {
        guard let running = running.withLock({ $0.take() }) else { return }
        core.beginDraining()
        await Thread.run(name: "http-quiesce") { running.daemon.quiesce(running.socket) }
        await core.connections.drain(until: Instant.now + configuration.drainTimeout)
        await core.handlers.allEnded()
        await Thread.run(name: "http-stop") { [connections = core.connections] in
            connections.stop()
            running.daemon.stop()
            close(running.socket)
        }
    }
}
