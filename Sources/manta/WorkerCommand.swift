import ArgumentParser
import Logging
import MantaConfig
import MantaHTTP
import MantaServer
import MantaTelemetry

#if canImport(Glibc)
    import Glibc
#endif

/// `manta worker`.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Host replicas for a fleet until SIGTERM or Ctrl-C.",
        discussion: """
            Joins the fleet whose etcd answers at the address given, and hosts the replicas that its leader places here. \
            Models come from the other nodes. On SIGTERM its replicas are replaced elsewhere first, where there is room.

              manta worker --join http://10.0.0.1:2379 --http 10.0.0.5:8000 --fleet-token-file token

            Exit codes: 0 stopped, 64 wrong arguments, 69 a listener or the engine is not available.
            """)

    @Option(
        help: ArgumentHelp("Where the fleet's etcd answers; several members are separated by commas.", valueName: "url")
    )
    var join: String?
    @Option(
        help: ArgumentHelp(
            "A configuration file, of which http, admin, fleet, state and logging count; options given here override it.",
            valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @Option(
        help: ArgumentHelp("Where to listen for the fleet's other nodes.", valueName: "host:port"),
        transform: Endpoint.init(argument:))
    var http: Endpoint
    @Option(
        help: ArgumentHelp("Where other nodes reach it, if not where it listens.", valueName: "host:port"))
    var advertise: String?
    @Option(
        help: ArgumentHelp(
            "Where to listen for operators: metrics and status. Default: any free port of this machine.",
            valueName: "host:port"), transform: Endpoint.init(argument:))
    var admin: Endpoint?
    @Option(
        help: ArgumentHelp(
            "The file with the token that the fleet's nodes show each other. Needed where they listen for other machines.",
            valueName: "file"))
    var fleetTokenFile: String?
    @OptionGroup var replicas: HostingArguments
    @Option(
        help: ArgumentHelp(
            "Where models are kept that came from other nodes. Without it they are fetched anew after a restart.",
            valueName: "dir"))
    var state: String?
    /// How a front starts its own: the value of the label by which it knows it.
    @Option(help: .hidden)
    var localWorker: String?
    @Option(help: "The least severe messages to log. Default: info.")
    var logLevel: Logger.Level?

    func run() async throws {
        try await Failure.exiting {
            let configuration = try configuration()
            var checkup = Checkup()
            checkup.add(configuration, [], from: config)
            guard checkup.faults.isEmpty else { throw ConfigurationErrors(faults: checkup.faults) }
            try FleetArguments.check(configuration)
            let filter = LogFilter(from: configuration.logLevel)
            // Several write to where their front does.
            let number = localWorker?.split(separator: "/").last.map { Logger.MetadataValue.string(String($0)) }
            LoggingSystem.bootstrap { _ in
                var handler = LineLogHandler(filter: filter)
                handler[metadataKey: "worker"] = number
                return handler
            }
            // Ctrl-C in a terminal is for the front alone, which needs its workers until it has answered.
            if localWorker != nil { setpgid(0, 0) }
            let logger = Logger(label: "manta")
            let lock = try configuration.stateFolder.map { try StateFolder(path: $0) }
            try await Manta(configuration: configuration, logger: logger, logFilter: filter).run()
            withExtendedLifetime(lock) {}
        }
    }

    private func configuration() throws -> ServerConfiguration {
        let read =
            config.map { ServerConfiguration.read(file: $0) } ?? (configuration: ServerConfiguration(), faults: [])
        guard read.faults.isEmpty else { throw ConfigurationErrors(faults: read.faults) }
        var configuration = read.configuration
        var fleet = configuration.fleet ?? FleetConfiguration(endpoints: [])
        if let join { fleet.endpoints = FleetArguments.endpoints(join) }
        guard !fleet.endpoints.isEmpty else {
            throw ValidationError("which fleet? name its etcd with --join, or under \"fleet\" in --config")
        }
        if let fleetTokenFile { fleet.tokenFile = fleetTokenFile }
        if let advertise { fleet.advertised = advertise }
        (fleet.role, fleet.hosting) = (.worker, hosting)
        (configuration.http.host, configuration.http.port) = (http.host, http.port)
        configuration.http.credentials = fleet.tokenFile
        // Requests of a front are batches of many, which it has logged.
        configuration.http.accessLog = false
        configuration.grpc.endpoint = nil
        configuration.readEnvironment()
        // Its front reaches it by an address that no certificate names and no client uses.
        if localWorker != nil { (configuration.http.tls, configuration.http.hosts) = (nil, []) }
        if config == nil { configuration.admin.port = 0 }
        if let admin { (configuration.admin.host, configuration.admin.port) = (admin.host, admin.port) }
        (configuration.repositories, configuration.modelFiles) = ([], [])
        if let state { configuration.stateFolder = state }
        configuration.fleet = fleet
        if let logLevel { configuration.logLevel = logLevel }
        return configuration
    }

    private var hosting: FleetConfiguration.Hosting {
        var hosting = replicas.hosting
        if let localWorker {
            hosting.isLocal = true
            hosting.labels[FleetConfiguration.Hosting.localLabel] = localWorker
        }
        return hosting
    }
}
