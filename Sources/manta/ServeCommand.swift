public import ArgumentParser
public import Logging
import MantaConfig
import MantaHTTP
import MantaServer
import MantaTelemetry

/// `manta serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve models until SIGTERM or Ctrl-C.",
        discussion: """
            Serves a model repository (a folder with <name>/<version>/model.onnx and, if you like, \
            <name>/model.yaml), or plain model files without any configuration.

              manta serve my-model.onnx
              manta serve --models models --http 0.0.0.0:8000
              manta serve --models models --join http://10.0.0.1:2379

            With --join it is a front of a fleet, and hosts replicas like a worker; --cpus 0 leaves them to others.

            Exit codes: 0 stopped, 64 wrong arguments, 69 a listener or the engine is not available, \
            78 wrong configuration.
            """)

    @OptionGroup var arguments: ConfigurationArguments
    @Option(
        help: ArgumentHelp("Where to listen for inference. Default: 127.0.0.1:8000.", valueName: "host:port"),
        transform: Endpoint.init(argument:))
    var http: Endpoint?
    @Option(
        help: ArgumentHelp(
            "Where to listen for inference over gRPC, or off. Default: 127.0.0.1:8001.", valueName: "host:port"),
        transform: GRPCArgument.init(argument:))
    var grpc: GRPCArgument?
    @Option(
        help: ArgumentHelp("Where to listen for operators. Default: 127.0.0.1:8002.", valueName: "host:port"),
        transform: Endpoint.init(argument:))
    var admin: Endpoint?
    @Option(
        help: ArgumentHelp(
            "Where what operators ask for is kept over a restart. Without it, it holds until Manta stops.",
            valueName: "dir"))
    var state: String?
    @Option(
        help: ArgumentHelp(
            "Be a front of the fleet whose etcd answers there; several members are separated by commas.",
            valueName: "url"))
    var join: String?
    @Option(
        help: ArgumentHelp(
            "The file with the token that the fleet's nodes show each other. Needed where they listen for other machines.",
            valueName: "file"))
    var fleetTokenFile: String?
    @Option(
        help: ArgumentHelp("Where the fleet's other nodes reach it, if not where it listens.", valueName: "host:port"))
    var advertise: String?
    @Option(
        help: ArgumentHelp(
            """
            Have so many workers of its own on this machine: processes that host the replicas. With two numbers, as many \
            between these as replicas need. Needs --join.
            """, valueName: "n|min..max"),
        transform: FleetArguments.count)
    var localWorkers: ClosedRange<Int>?
    @OptionGroup(title: "Replicas of a front's own, with --join") var replicas: HostingArguments
    @Flag(help: "Let clients load and unload models over the protocol (/v2/repository/models/…).")
    var allowModelControl = false
    @Flag(help: "Let clients on this machine share memory with Manta for their tensors.")
    var allowSharedMemory = false
    @Option(help: ArgumentHelp("Where traces go that clients ask for. Without it they can't.", valueName: "file"))
    var traceFile: String?
    @Flag(help: "Let the admin listener be open to other machines without credentials.")
    var adminInsecure = false
    @Option(help: "The least severe messages to log. Default: info.")
    var logLevel: Logger.Level?

    func run() async throws {
        try await Failure.exiting {
            let (configuration, _) = try arguments.read(override: override)
            // Certificates, tokens and addresses too: all that is wrong at once, before anything begins.
            var checkup = Checkup()
            checkup.add(configuration, [], from: arguments.config)
            let needing = localWorkers == nil ? replicas.firstGiven : "--local-workers"
            try FleetArguments.check(configuration, needing: needing)
            guard checkup.faults.isEmpty else { throw ConfigurationErrors(faults: checkup.faults) }
            let filter = LogFilter(from: configuration.logLevel)
            LoggingSystem.bootstrap { _ in LineLogHandler(filter: filter) }
            let logger = Logger(label: "manta")
            let lock = try configuration.stateFolder.map { try StateFolder(path: $0) }
            try await Manta(configuration: configuration, logger: logger, logFilter: filter).run()
            withExtendedLifetime(lock) {}
        }
    }

    private func override(_ configuration: inout ServerConfiguration) {
        if let http { (configuration.http.host, configuration.http.port) = (http.host, http.port) }
        if let grpc { configuration.grpc.endpoint = grpc.endpoint }
        if let admin { (configuration.admin.host, configuration.admin.port) = (admin.host, admin.port) }
        if let state { configuration.stateFolder = state }
        if allowModelControl { configuration.allowsModelControl = true }
        if allowSharedMemory { configuration.allowsSharedMemory = true }
        if let traceFile { configuration.traceFile = traceFile }
        if adminInsecure { configuration.admin.isInsecureAllowed = true }
        if let logLevel { configuration.logLevel = logLevel }
        if let join {
            configuration.fleet = configuration.fleet ?? FleetConfiguration(endpoints: [])
            configuration.fleet?.endpoints = FleetArguments.endpoints(join)
        }
        if let fleetTokenFile { configuration.fleet?.tokenFile = fleetTokenFile }
        if let advertise { configuration.fleet?.advertised = advertise }
        if let localWorkers { configuration.fleet?.nodes = .local(localWorkers) }
        FleetArguments.completeNodes(of: &configuration, file: arguments.config)
        // Who has workers of its own leaves the replicas to them, unless it is told otherwise.
        let hostsNone = replicas.cpus.map { $0 == 0 } ?? (configuration.fleet?.nodes != nil)
        configuration.fleet?.hosting = hostsNone ? nil : replicas.hosting
    }
}

extension Endpoint {
    /// The place that an argument names.
    @Sendable init(argument: String) throws {
        guard let endpoint = Endpoint(argument) else { throw ValidationError("expected \(Self.expected)") }
        self = endpoint
    }
}

/// Where to listen for gRPC, if anywhere.
struct GRPCArgument {
    let endpoint: Endpoint?

    /// The place that an argument names.
    @Sendable fileprivate init(argument: String) throws {
        guard let endpoint = Endpoint.orOff(argument) else {
            throw ValidationError("expected \(Endpoint.expectedOrOff)")
        }
        self.endpoint = endpoint
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
