import ArgumentParser
import MantaConfig
import MantaHTTP
import MantaServing

/// `manta check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration and tell everything that is wrong with it.",
        discussion: """
            Reads what `manta serve` would read, without loading a model: the configuration file, each model.yaml and \
            the folders of the models. Prints a line for each model that is fine and, on standard error, one for each \
            fault.

            Exit codes: 0 all is fine, 64 wrong arguments, 78 wrong configuration.
            """)

    @OptionGroup var arguments: ConfigurationArguments

    func run() async throws {
        try await Failure.exiting {
            let (configuration, deployments) = try arguments.read()
            for deployment in deployments where deployment.faults.isEmpty {
                let versions = deployment.selected.map(String.init).joined(separator: ", ")
                let word = deployment.selected.count == 1 ? "version" : "versions"
                print("\(deployment.configuration.name): serves \(word) \(versions) of \(deployment.origin)")
            }
            let listeners = [configuration.http, configuration.admin].flatMap(\.faults).map { fault in
                // What has no file of its own, such as an address, is the configuration's, or an option's.
                ConfigurationFault(
                    file: fault.file ?? arguments.config ?? "options", line: fault.line, message: fault.reason)
            }
            let faults = deployments.flatMap(\.faults) + listeners
            guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        }
    }
}
