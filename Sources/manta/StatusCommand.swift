import ArgumentParser
import MantaClient

/// `manta status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what runs, and why.",
        discussion: """
            Shows a table of all deployments, or one of them with its versions, replicas and last decisions. Rates are \
            those of the last minute; latencies are those of the slowest version.

              manta status
              manta status digits-svm --watch
              manta status --json | jq '.deployments[].state'

            Exit codes: 0 shown, 64 wrong arguments, 65 not a Manta's answer, 69 nothing answers, or no such \
            deployment, 77 not authorised.
            """)

    @Argument(help: "A deployment to show in detail.")
    var name: String?
    @Flag(help: "Show it again each second until Ctrl-C.")
    var watch = false
    @OptionGroup var admin: AdminArguments

    func validate() throws {
        try checkName(name)
    }

    func run() async throws {
        try await admin.connected { server in
            let page = StatusPage(server: server, name: name)
            let screen = Screen.standardOutput
            let isJSON = admin.connection.json
            if watch {
                // Above what the terminal showed before.
                if screen.isTerminal, !isJSON { try screen.write("\u{1B}[2J") }
                try await UntilInterrupted.run { try await page.watch(on: screen, isJSON: isJSON) }
            } else if isJSON {
                try screen.write(document: try await page.document())
            } else {
                try screen.write(try await page.text(isColoured: screen.isColoured))
            }
        }
    }
}

/// Refuses a name that no deployment has, before it makes a path that means something else.
func checkName(_ name: String?) throws {
    guard let name else { return }
    guard !name.isEmpty, name != ".", name != ".." else {
        throw ValidationError("expected the name of a deployment, found \"\(name)\"")
    }
}
