/// How a listener behaves. The defaults suit a laptop and a small server alike.
public struct HTTPServerConfiguration: Sendable {
    /// What metrics call the listener.
    public var name = "http"
    /// The address to listen on. Only this machine by default: opening it to others is a decision.
    public var host = "127.0.0.1"
    /// The port; 0 takes any that is free.
    public var port = 0
    /// Certificate and key, for HTTPS.
    public var tls: TLSFiles?
    /// The file of the tokens of which each request must carry one, but on routes that are open to all; `nil` asks for
    /// none. ``TokenSet`` says what it holds.
    public var credentials: String?
    /// The names that the listener goes by, in the `Host` of requests. Addresses and `localhost` always pass; with no
    /// name here every other name does too, unless ``isForOperators`` and it listens on this machine only.
    public var hosts: [String] = []
    /// Whether what is asked of it changes what is served. It then refuses what pages of other sites make a browser
    /// send, and isn't opened to other machines without ``credentials``.
    public var isForOperators = false
    /// Whether a listener for operators may be open to other machines without ``credentials``.
    public var isInsecureAllowed = false
    /// Threads that read and write. They do little else, so one goes a long way.
    public var threads = 1
    /// What a client may take.
    public var limits = HTTPLimits()
    /// Whether each request makes a log line.
    public var accessLog = true
    /// Whether a client that has closed its sending side counts as gone. Most that do have gone; a client that means
    /// to wait for its answer keeps both sides open.
    public var cancelOnHalfClose = true
    /// How long accepted requests may take to finish when the server stops.
    public var drainTimeout = Duration.seconds(30)

    /// The defaults.
    public init() {}
}

/// The files of a certificate.
public struct TLSFiles: Sendable, Hashable {
    /// The certificate chain, PEM.
    public var certificate: String
    /// Its private key, PEM.
    public var key: String

    /// The files of a certificate.
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// What a client may take of a listener.
public struct HTTPLimits: Sendable, Hashable {
    /// Connections open at a time.
    public var connections = 10_000
    /// Connections open at a time from one address; 0 for no limit, since behind a proxy all come from one.
    public var connectionsPerAddress = 0
    /// Request line and header fields of one request, in bytes.
    public var headerBytes = 8 << 10
    /// The body of one request, in bytes, as sent and inflated.
    public var bodyBytes = 64 << 20
    /// From a connection's start, or a request's first line, until its headers are there.
    public var headerTimeout = Duration.seconds(10)
    /// From the headers until the body is there.
    public var bodyTimeout = Duration.seconds(60)
    /// How long a handler may take. A last resort: handlers have deadlines of their own.
    public var handlerTimeout = Duration.seconds(600)
    /// How long a connection may wait for its next request, or a reply for its reader.
    public var idleTimeout = Duration.seconds(75)

    /// The defaults.
    public init() {}
}

/// Where a server listens.
public struct HTTPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address.
    public let host: String
    /// The port, also when the configuration left it open.
    public let port: Int

    /// This address.
    package init(host: String, port: Int) {
        (self.host, self.port) = (host, port)
    }

    /// `127.0.0.1:8000`, or `[::1]:8000`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
