import CMantaHTTP
import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// libmicrohttpd's daemon: its threads read requests and write replies for as long as this lives.
///
/// Its callbacks run on those threads, one at a time for each connection. They must not block.
///
/// Unchecked Sendable: the pointer is constant, and libmicrohttpd's functions for daemons may be called by any thread.
@safe final class Daemon: @unchecked Sendable {
    private let raw: OpaquePointer
    /// Kept alive for the callbacks, which get it unretained.
    private let core: ServerCore

    /// Starts the threads.
    ///
    /// - Throws: ``HTTPServerError`` if libmicrohttpd refuses.
    init(socket: Int32, configuration: HTTPServerConfiguration, core: ServerCore) throws(HTTPServerError) {
        var callbacks = unsafe MantaDaemonCallbacks(
            connection: { context, connection, slot, event in
                unsafe Callback.connection(context, connection, slot, event)
            },
            request_line: { context, target, connection in
                unsafe Callback.requestLine(context, target, connection)
            },
            request: { _, _, _, method, version, bytes, count, slot in
                unsafe Callback.request(method, version, bytes, count, slot)
            },
            completed: { _, _, slot, _ in unsafe Callback.completed(slot) },
            context: Unmanaged.passUnretained(core).toOpaque())
        let limits = configuration.limits
        var settings = MantaDaemonSettings(
            socket: socket, threads: UInt32(configuration.threads), connections: UInt32(limits.connections),
            connections_per_address: UInt32(limits.connectionsPerAddress),
            idle_seconds: UInt32(max(1, limits.idleTimeout.components.seconds)),
            // libmicrohttpd keeps its own data about each header field in the same memory.
            connection_memory: 2 * limits.headerBytes, is_tls: configuration.tls == nil ? 0 : 1)
        guard let daemon = unsafe manta_start_daemon(&settings, &callbacks) else {
            throw HTTPServerError("libmicrohttpd can't serve on port \(configuration.port)")
        }
        unsafe raw = daemon
        self.core = core
    }

    /// Takes no more connections but those that wait for it already. The listening socket is the caller's again, to be
    /// closed when the daemon has stopped.
    func quiesce(_ socket: Int32) {
        _ = unsafe MHD_quiesce_daemon(raw)
        // To close the socket would reset them although their clients may have sent a request.
        for _ in 0..<SOMAXCONN {
            guard let connection = ListeningSocket.accept(socket) else { break }
            unsafe connection.withAddress { address, length in
                _ = unsafe MHD_add_connection(raw, connection.descriptor, address, length)
            }
        }
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// Ends the threads.
    ///
    /// - Precondition: No connection is suspended; libmicrohttpd would abort the process.
    /// - Note: Blocks until they have ended.
    func stop() {
        unsafe MHD_stop_daemon(raw)
    }
}

/// The callbacks: each finds the Swift object that its slot or context refers to.
private enum Callback {
    /// A connection was accepted: its slot gets a retained ``Connection``. Or it is about to be closed: gives that back.
    static func connection(
        _ context: UnsafeMutableRawPointer?, _ raw: OpaquePointer?,
        _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ event: MHD_ConnectionNotificationCode
    ) {
        guard let context = unsafe context, let raw = unsafe raw, let slot = unsafe slot else { return }
        let core = unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        if event == .CONNECTION_NOTIFY_STARTED {
            let address = unsafe manta_client_address(raw).map { unsafe SocketAddress.host(of: $0) } ?? "-"
            let certificate = core.certificate?.value
            unsafe certificate?.use(for: raw)
            let connection = core.connections.opened(
                descriptor: unsafe manta_socket(raw), remoteAddress: address, certificate: certificate)
            unsafe slot.pointee = Unmanaged.passRetained(connection).toOpaque()
        } else if let context = unsafe slot.pointee {
            core.connections.closed(unsafe Unmanaged<Connection>.fromOpaque(context).takeRetainedValue())
            unsafe slot.pointee = nil
        }
    }

    /// A request begins: its slot gets a retained ``Exchange``.
    static func requestLine(
        _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ raw: OpaquePointer?
    ) -> UnsafeMutableRawPointer? {
        guard let context = unsafe context, let raw = unsafe raw, let target = unsafe target,
            let slot = unsafe manta_socket_context(raw)
        else { return nil }
        let core = unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        let connection = unsafe Unmanaged<Connection>.fromOpaque(slot).takeUnretainedValue()
        _ = connection.enter(.header, at: .now)
        let exchange = unsafe Exchange(
            target: String(cString: target), mhd: raw, connection: connection, server: core)
        return unsafe Unmanaged.passRetained(exchange).toOpaque()
    }

    /// A request's head, a part of its body, or its end.
    static func request(
        _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ bytes: UnsafePointer<CChar>?,
        _ count: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> MHD_Result {
        guard let method = unsafe method, let version = unsafe version, let count = unsafe count,
            let context = unsafe slot?.pointee
        else { return .NO }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        let body = unsafe UnsafeRawBufferPointer(start: bytes, count: count.pointee)
        unsafe count.pointee = 0
        return unsafe exchange.advance(method: method, version: version, bytes: body)
    }

    /// A request has ended, well or not: gives its exchange back.
    static func completed(_ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?) {
        guard let context = unsafe slot?.pointee else { return }
        unsafe Unmanaged<Exchange>.fromOpaque(context).takeRetainedValue().completed()
        unsafe slot?.pointee = nil
    }
}
