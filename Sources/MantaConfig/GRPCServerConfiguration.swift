public import MantaHTTP

/// How the listener for gRPC behaves. The defaults suit a laptop and a small server alike.
public struct GRPCServerConfiguration: Sendable {
    /// Where to listen; `nil` not to. Only this machine by default: opening it to others is a decision.
    public var endpoint = Endpoint("127.0.0.1:8001")
    /// Certificate and key, for TLS.
    public var tls: TLSFiles?
    /// The file of the tokens of which each call must carry one, but for those that are open to all; `nil` asks for none.
    public var credentials: String?
    /// Threads that read and write.
    public var threads = 1
    /// What a client may take.
    public var limits = GRPCLimits()
    /// Whether each call makes a log line.
    public var accessLog = true
    /// How long accepted calls may take to finish when the server stops.
    public var drainTimeout = Duration.seconds(30)

    /// The defaults.
    public init() {}
}

/// What a client may take of the listener for gRPC.
public struct GRPCLimits: Sendable, Hashable {
    /// Connections open at a time.
    public var connections = 10_000
    /// Calls at a time on one connection.
    public var concurrentStreams = 1000
    /// Requests of one stream that are worked on at a time.
    public var requestsPerStream = 32
    /// One message, in bytes, as sent and inflated. At most 2 GiB, as in protobuf itself.
    public var messageBytes = 64 << 20
    /// From a unary call's headers until its message is there.
    public var messageTimeout = Duration.seconds(60)
    /// How long a connection may be without a call.
    public var idleTimeout = Duration.seconds(600)
    /// How long a connection may be silent before the server asks whether its client is still there.
    public var keepalive = Duration.seconds(60)

    /// The defaults.
    public init() {}
}
