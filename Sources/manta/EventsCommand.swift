import ArgumentParser
import MantaClient

/// `manta events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what happened, and what happens.",
        discussion: """
            One line for each event: when, how severe, what kind, which deployment and version, what.

              manta events
              manta events --follow --deployment digits-svm
              manta events --follow --json | jq 'select(.severity == "error")'

            With --follow it goes on until Ctrl-C. It takes up where it was after a lost connection, and after the \
            server was started again.

            Exit codes: 0 shown or stopped, 64 wrong arguments, 65 not a Manta's answer, 69 nothing answers, 77 not \
            authorised.
            """,
        aliases: ["logs"])

    @Flag(help: "Go on with what happens.")
    var follow = false
    @Option(help: ArgumentHelp("Only events after the one of this id.", valueName: "id"))
    var after: Int?
    @Option(help: ArgumentHelp("Only events of this deployment.", valueName: "name"))
    var deployment: String?
    @OptionGroup var admin: AdminArguments

    func validate() throws {
        guard after ?? 0 >= 0 else { throw ValidationError("--after: expected an id from 0") }
        guard deployment == nil || follow || !admin.connection.json else {
            throw ValidationError("--json prints the whole document, so --deployment goes with it only with --follow")
        }
    }

    func run() async throws {
        try await admin.connected { server in
            let log = EventLog(server: server, after: after, deployment: deployment, isJSON: admin.connection.json)
            let screen = Screen.standardOutput
            guard follow else { return try await log.list(on: screen) }
            try await UntilInterrupted.run {
                try await log.follow(on: screen) { StandardError.write("manta: \($0)\n") }
            }
        }
    }
}
