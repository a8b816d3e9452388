import CoreMetrics
import Logging
import Synchronization

/// What the exchanges of one server share.
final class ServerCore: Sendable {
    let routes: Routes
    let limits: HTTPLimits
    let logger: Logger
    let logsRequests: Bool
    /// The certificate, for HTTPS.
    let certificate: Reloadable<TLSCertificate>?
    /// The tokens, if the listener asks for one.
    let tokens: Reloadable<TokenSet>?
    /// What keeps other sites' pages out, if anything has to.
    let browserGuard: BrowserGuard?
    let connections: ConnectionTable
    /// The handlers at work.
    let handlers = HandlerCount()
    private let draining = Atomic(false)
    /// By status: so few that a list is faster than a dictionary.
    private let counters: Mutex<[(status: HTTPStatus, counter: Counter)]> = Mutex([])
    private let listener: String

    init(configuration: HTTPServerConfiguration, routes: Routes, logger: Logger) {
        self.routes = routes
        self.logger = logger
        limits = configuration.limits
        logsRequests = configuration.accessLog
        certificate = configuration.tls.map { files in
            Reloadable { () throws(HTTPServerError) in try TLSCertificate(files) }
        }
        tokens = configuration.credentials.map { file in
            Reloadable { () throws(HTTPServerError) in try TokenSet(file: file) }
        }
        browserGuard = BrowserGuard(configuration)
        listener = configuration.name
        connections = ConnectionTable(
            limits: configuration.limits, cancelOnHalfClose: configuration.cancelOnHalfClose)
    }

    /// Reads the files. What can be read is in force then, whatever is wrong with the others; in place of those, what
    /// was read before.
    ///
    /// - Throws: ``HTTPServerError`` with every fault.
    /// - Note: Blocks on the files.
    func reload() throws(HTTPServerError) {
        let faults =
            HTTPServerError.faults { () throws(HTTPServerError) in try certificate?.reload() }
            + HTTPServerError.faults { () throws(HTTPServerError) in try tokens?.reload() }
        guard faults.isEmpty else { throw HTTPServerError(faults) }
    }

    /// Whether the server stops: every reply then ends its connection.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// Counts a reply.
    func record(_ status: HTTPStatus) {
        counters.withLock { counters in
            if let counter = counters.first(where: { $0.status == status })?.counter { return counter }
            let counter = Counter(
                label: "manta_http_requests_total",
                dimensions: [("listener", listener), ("status", String(status.code))])
            counters.append((status, counter))
            return counter
        }.increment()
    }
}
