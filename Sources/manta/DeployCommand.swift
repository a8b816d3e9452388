import ArgumentParser
import MantaClient

/// `manta deploy`.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy", abstract: "Deploy a model, or give one another configuration.",
        discussion: """
            Sends a configuration, and where the model is, to the server, which reads the model's files itself: they \
            have to be where it can reach them under the same path.

              manta deploy models/digits/model.yaml     the configuration; the model too, if it has "path"
              manta deploy models/digits                the folder's versions, with its model.yaml if there is one
              manta deploy resnet50.onnx                this model with the defaults

            An update keeps the old version serving until the new one is ready; one that fails is halted.

            Exit codes: 0 done, or begun with --wait 0s, 1 halted or failed, 64 wrong arguments, 65 the file can't be \
            used, 69 nothing answers or it refuses, 75 not done within --wait, 77 not authorised, 78 wrong \
            configuration.
            """)

    @Argument(
        help: ArgumentHelp(
            "A model.yaml (under any name ending in .yaml or .json), a model's folder, or a model file."),
        completion: .file())
    var file: String
    @Option(
        help: ArgumentHelp(
            "How long to wait until it is done, up to 60s; 0s doesn't. Default: 60s.", valueName: "time"),
        transform: ChangeArguments.seconds(argument:))
    var wait = ChangeArguments.maxWait
    @OptionGroup var admin: AdminArguments

    func run() async throws {
        try await admin.connected { server in
            try await ChangeArguments.send(
                .deploy(try ModelOrder(path: file)), to: server, wait: wait, json: admin.connection.json)
        }
    }
}

/// `manta undeploy`.
struct UndeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undeploy", abstract: "Take back what was deployed.",
        discussion: """
            A deployment that is in a model repository serves again as its files say; one that only `manta deploy` \
            knows goes away.

              manta undeploy resnet50 --wait 10s

            Exit codes: 0 done, or begun without --wait, 1 failed, 64 wrong arguments, 65 not a Manta's answer, \
            69 nothing answers, or nothing was deployed, 75 not done within --wait, 77 not authorised.
            """)

    @Argument(help: "The deployment.")
    var name: String
    @Option(
        help: ArgumentHelp("How long to wait until it is done, up to 60s. Default: not at all.", valueName: "time"),
        transform: ChangeArguments.seconds(argument:))
    var wait = 0
    @OptionGroup var admin: AdminArguments

    func validate() throws {
        try checkName(name)
    }

    func run() async throws {
        try await admin.connected { server in
            try await ChangeArguments.send(.undeploy(name), to: server, wait: wait, json: admin.connection.json)
        }
    }
}

/// `manta reload`.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Let the server read its models, certificates and credentials again.",
        discussion: """
            Does what SIGHUP does.

              manta reload

            Exit codes: 0 everything was read, 64 wrong arguments, 65 not a Manta's answer, 69 nothing answers, \
            77 not authorised, 78 something that was read is wrong.
            """)

    @OptionGroup var admin: AdminArguments

    func run() async throws {
        try await admin.connected { server in
            try await ChangeArguments.send(.reload(), to: server, wait: 0, json: admin.connection.json)
        }
    }
}
