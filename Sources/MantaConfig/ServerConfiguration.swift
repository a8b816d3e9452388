public import Logging
public import MantaHTTP

/// How one Manta process is set up: its listeners and where its models are.
public struct ServerConfiguration: Sendable {
    /// The listener for inference.
    public var http: HTTPServerConfiguration
    /// The listener for inference over gRPC.
    public var grpc = GRPCServerConfiguration()
    /// The listener for operators: metrics, status and changes.
    public var admin: HTTPServerConfiguration
    /// Folders of models, each a model repository.
    public var repositories: [String] = []
    /// Model files that are served without a repository.
    public var modelFiles: [String] = []
    /// Where Manta keeps what must survive a restart.
    public var stateFolder: String?
    /// Whether clients may load and unload models over the protocol.
    public var allowsModelControl = false
    /// Whether clients on this machine may share memory with the server.
    public var allowsSharedMemory = false
    /// Where clients' traces go; without it they can't trace.
    public var traceFile: String?
    /// The fleet that it is part of, if it is.
    public var fleet: FleetConfiguration?
    /// The least severe messages to log.
    public var logLevel = Logger.Level.info
    /// The engine's shared library, if it isn't to be looked for.
    public var engineLibrary: String?

    /// The defaults: inference on 127.0.0.1:8000 and, over gRPC, 127.0.0.1:8001; operators on 127.0.0.1:8002.
    public init() {
        http = HTTPServerConfiguration()
        http.host = "127.0.0.1"
        http.port = 8000
        admin = HTTPServerConfiguration()
        admin.host = "127.0.0.1"
        admin.port = 8002
        admin.name = "admin"
        admin.accessLog = false
        admin.isForOperators = true
    }
}
