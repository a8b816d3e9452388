import ArgumentParser
import MantaClient

/// `manta scale`.
struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Pin or free the number of a deployment's replicas.",
        discussion: """
              manta scale digits-svm 3                  three replicas, until told otherwise
              manta scale digits-svm 0                  none: the model sleeps
              manta scale digits-svm --min 1 --max 8    as many as needed between these
              manta scale digits-svm --auto             as many as needed, as configured
              manta scale digits-svm --as-configured    takes back what was said before

            With --wait it ends when the replicas are there.

            Exit codes: 0 done, or begun without --wait, 1 failed, 64 wrong arguments, 65 not a Manta's answer, \
            69 nothing answers, or no such deployment, 75 not done within --wait, 77 not authorised.
            """)

    @Argument(help: "The deployment.")
    var name: String
    @Argument(help: "Replicas to have; 0 puts the model to sleep.")
    var replicas: Int?
    @Option(help: "Replicas to have at least.")
    var min: Int?
    @Option(help: "Replicas to have at most.")
    var max: Int?
    @Flag(help: "Have as many as needed, as configured.")
    var auto = false
    @Flag(help: "Let the configuration hold again.")
    var asConfigured = false
    @Option(
        help: ArgumentHelp("How long to wait until it is done, up to 60s. Default: not at all.", valueName: "time"),
        transform: ChangeArguments.seconds(argument:))
    var wait = 0
    @OptionGroup var admin: AdminArguments

    private var order: ScaleOrder? {
        switch (replicas, min, max, auto, asConfigured) {
        case (let replicas?, nil, nil, false, false) where replicas >= 0: .pinned(replicas)
        case (nil, let min?, let max?, false, false) where 0 <= min && min <= max && max > 0:
            .between(min: min, max: max)
        case (nil, nil, nil, true, false): .automatic
        case (nil, nil, nil, false, true): .asConfigured
        default: nil
        }
    }

    func validate() throws {
        try checkName(name)
        guard order != nil else {
            throw ValidationError(
                "expected a number of replicas from 0, or --min A --max B with A not above B, or --auto, "
                    + "or --as-configured")
        }
    }

    func run() async throws {
        guard let order else { return }
        try await admin.connected { server in
            try await ChangeArguments.send(
                .scale(name, order), to: server, wait: wait, json: admin.connection.json)
        }
    }
}
