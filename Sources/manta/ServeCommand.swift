import ArgumentParser
import FoundationEssentials
import Logging
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

            Exit codes: 0 stopped, 64 wrong arguments, 69 a listener or the engine is not available, \
            78 wrong configuration.
            """)

    @Option(help: ArgumentHelp("A model repository. Default: ./models, if it is there.", valueName: "dir"))
    var models: [String] = []
    @Option(help: ArgumentHelp("A configuration file; options given here override it.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Where to listen for inference. Default: 127.0.0.1:8000.", valueName: "host:port"))
    var http: Endpoint?
    @Option(help: ArgumentHelp("Where to listen for operators. Default: 127.0.0.1:8002.", valueName: "host:port"))
    var admin: Endpoint?
    @Option(help: ArgumentHelp("A folder of Manta's own, locked so that no other Manta shares it.", valueName: "dir"))
    var state: String?
    @Option(help: "The least severe messages to log: trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level?
    @Argument(help: ArgumentHelp("Model files to serve without configuration.", valueName: "model.onnx"))
    var files: [String] = []

    func run() async throws {
        do {
            let configuration = try merged()
            let level = logLevel ?? configuration.logLevel
            LoggingSystem.bootstrap { _ in LineLogHandler(level: level) }
            let logger = Logger(label: "manta")
            let deployments = try ModelRepository.read(
                folders: configuration.repositories, files: configuration.modelFiles)
            let lock = try configuration.stateFolder.map { try StateFolder(path: $0) }
            try await Manta(configuration: configuration, deployments: deployments, logger: logger).run()
            withExtendedLifetime(lock) {}
        } catch {
            let failure = Failure(error)
            StandardError.write("manta: \(failure.message)\n")
            throw ExitCode(failure.exitCode)
        }
    }

    /// The configuration file's values, overridden by the options.
    private func merged() throws -> ServerConfiguration {
        var configuration = try config.map { try ServerConfiguration(file: $0) } ?? ServerConfiguration()
        if let http { (configuration.http.host, configuration.http.port) = (http.host, http.port) }
        if let admin { (configuration.admin.host, configuration.admin.port) = (admin.host, admin.port) }
        if !models.isEmpty { configuration.repositories = models }
        if let state { configuration.stateFolder = state }
        configuration.modelFiles += files
        configuration.engineLibrary = ProcessInfo.processInfo.environment["MANTA_ONNXRUNTIME_LIBRARY"]
        if configuration.repositories.isEmpty, configuration.modelFiles.isEmpty {
            guard FileManager.default.fileExists(atPath: "models") else {
                throw ValidationError(
                    "nothing to serve: name a model file, or a model repository with --models (there is no ./models)")
            }
            configuration.repositories = ["models"]
        }
        return configuration
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
