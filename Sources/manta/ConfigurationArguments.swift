import ArgumentParser
import FoundationEssentials
import MantaConfig

/// Where the configuration and the models are: the arguments that all commands take which need them.
struct ConfigurationArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("A model repository. Default: ./models, if it is there.", valueName: "dir"),
        completion: .directory)
    var models: [String] = []
    @Option(
        help: ArgumentHelp("A configuration file; options given here override it.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @Argument(
        help: ArgumentHelp("Model files to serve without configuration.", valueName: "model.onnx"),
        completion: .file(extensions: ["onnx"]))
    var files: [String] = []

    func validate() throws {
        try Self.validate(models + files + [config].compactMap(\.self))
    }

    /// Refuses arguments that are no paths.
    static func validate(_ paths: [String]) throws {
        guard !paths.contains("") else { throw ValidationError("expected a path, found an empty argument") }
    }

    /// Reads the file and the models' own files. An option stands above the environment, that above the file, and the
    /// file above the defaults.
    ///
    /// - Parameter override: Sets what other options say.
    /// - Returns: The whole configuration, and the models that it names.
    /// - Throws: ``ConfigurationErrors`` with every fault of every file.
    func read(
        override: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> (configuration: ServerConfiguration, deployments: [DeploymentSource]) {
        try Self.read(models: models, config: config, files: files, override: override)
    }

    /// Does so for a command that takes these in a way of its own.
    static func read(
        models: [String], config: String?, files: [String], override: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> (configuration: ServerConfiguration, deployments: [DeploymentSource]) {
        var (configuration, faults) = config.map { ServerConfiguration.read(file: $0) } ?? (ServerConfiguration(), [])
        configuration.readEnvironment()
        if !models.isEmpty { configuration.repositories = models }
        if !files.isEmpty { configuration.modelFiles = files }
        override(&configuration)
        if configuration.repositories.isEmpty, configuration.modelFiles.isEmpty, faults.isEmpty {
            guard FileManager.default.fileExists(atPath: "models") else {
                throw ValidationError(
                    "nothing to serve: name a model file, or a model repository with --models (there is no ./models)")
            }
            configuration.repositories = ["models"]
        }
        var deployments: [DeploymentSource] = []
        do {
            deployments = try ModelRepository.read(
                folders: configuration.repositories, files: configuration.modelFiles)
        } catch {
            faults += error.faults
        }
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        return (configuration, deployments)
    }
}

extension ServerConfiguration {
    /// Takes what variables of the environment say over what the file does.
    mutating func readEnvironment() {
        if let library = ProcessInfo.processInfo.environment["MANTA_ONNXRUNTIME_LIBRARY"], !library.isEmpty {
            engineLibrary = library
        }
    }
}
