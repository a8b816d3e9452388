import ArgumentParser
import MantaServer

/// The command line.
@main
struct MantaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manta", abstract: "Serves trained models over HTTP.", version: Manta.version,
        subcommands: [
            ServeCommand.self, WorkerCommand.self, CheckCommand.self, ConvertCommand.self, StatusCommand.self,
            ScaleCommand.self,
            DeployCommand.self,
            UndeployCommand.self, ReloadCommand.self, EventsCommand.self, InferCommand.self,
        ])
}
