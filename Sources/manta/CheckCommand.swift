import ArgumentParser
import FoundationEssentials
import MantaClient
import MantaConfig

#if canImport(Glibc)
    import Glibc
#endif

/// `manta check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration and tell everything that is wrong with it.",
        discussion: """
            Reads what `manta serve` would read, without loading a model: the configuration file, each model.yaml or \
            config.pbtxt and the folders of the models. Prints a line for each model that is fine and, on standard \
            error, one for each fault.

              manta check --models models --config manta.yaml
              manta check models/digits/model.yaml
              manta check models/digits

            A file called manta.yaml counts as the process's configuration, one called model.yaml as that of the \
            model whose name its folder has. Any other YAML file counts as what it has fewer faults as. A file \
            that ends with .pbtxt is a model's configuration for Triton. A folder with a model.yaml, a config.pbtxt or \
            versions is a model, any other a model repository.

            Exit codes: 0 all is fine, 64 wrong arguments, 78 wrong configuration.
            """)

    @Option(
        help: ArgumentHelp("A model repository. Default: ./models, if it is there.", valueName: "dir"),
        completion: .directory)
    var models: [String] = []
    @Option(
        help: ArgumentHelp("A configuration file; options given here override it.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @Argument(
        help: ArgumentHelp("YAML files, folders and model files to check.", valueName: "file"), completion: .file())
    var files: [String] = []
    @Flag(help: "Print the faults as JSON, on standard output.")
    var json = false

    func validate() throws {
        try ConfigurationArguments.validate(models + files + [config].compactMap(\.self))
    }

    func run() async throws {
        try await Failure.exiting {
            let checkup = try check()
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                let text = String(decoding: try encoder.encode(checkup.report), as: UTF8.self)
                try Screen.standardOutput.write(text + "\n")
                guard checkup.faults.isEmpty else { throw ExitCode(EX_CONFIG) }
            } else {
                try Screen.standardOutput.write(checkup.served.map { $0 + "\n" }.joined())
                guard checkup.faults.isEmpty else { throw ConfigurationErrors(faults: checkup.faults) }
            }
        }
    }

    private func check() throws -> Checkup {
        var checkup = Checkup()
        let modelFiles = files.filter { Checkup.kind(of: $0) == nil }
        for file in files where Checkup.kind(of: file) != nil { checkup.look(at: file) }
        guard files.isEmpty || !modelFiles.isEmpty || !models.isEmpty || config != nil else { return checkup }
        do {
            let (configuration, deployments) = try ConfigurationArguments.read(
                models: models, config: config, files: modelFiles)
            checkup.add(configuration, deployments, from: config)
        } catch let error as ConfigurationErrors {
            checkup.faults += error.faults
        }
        return checkup
    }
}
