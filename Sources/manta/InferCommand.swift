import ArgumentParser
import MantaClient

/// `manta infer`.
struct InferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer", abstract: "Ask a model.",
        discussion: """
            Takes JSON or CSV; what the file holds decides, not its name. JSON is a request of the Open Inference \
            Protocol, or a list of rows, or an object with nested lists for each input. CSV is for models with one \
            input of rows: each line is a row, a first line without numbers is a header. It goes out 64 rows at a \
            time, 4 requests at once, and comes back in its order.

              manta infer digits-svm --file rows.csv --timing
              cut -d, -f2- models/digits-holdout.csv | manta infer digits-svm --file - --csv
              echo '[[5.1, 3.5, 1.4, 0.2]]' | manta infer iris --file -

            Exit codes: 0 answered, 64 wrong arguments, 65 the file is wrong, 69 nothing answers, or no such model, \
            77 not authorised.
            """)

    @Argument(help: "The model.")
    var name: String
    @Option(
        help: ArgumentHelp("What to ask; - is standard input.", valueName: "input.json|rows.csv"),
        completion: .file(extensions: ["json", "csv"]))
    var file: String
    @Option(help: ArgumentHelp("The version to ask. Default: the model's default version.", valueName: "n"))
    var version: Int?
    @Option(
        help: ArgumentHelp("The inference endpoint. Default: http://127.0.0.1:8000.", valueName: "url"),
        transform: ServerURL.init(argument:))
    var url = ServerURL.localInference
    @Flag(help: "Print all values as CSV.")
    var csv = false
    @Flag(help: "Say on standard error where the time went.")
    var timing = false
    @OptionGroup var connection: ConnectionArguments

    func validate() throws {
        try checkName(name)
        guard version ?? 1 > 0 else { throw ValidationError("--version: expected a whole number from 1") }
        guard !csv || !connection.json else { throw ValidationError("--csv and --json exclude each other") }
    }

    func run() async throws {
        try await Failure.exiting {
            try await ServerConnection.open(try connection.settings(url: url)) { server in
                try await ByteSource.open(file) { source in
                    let timing = try await Inference(server: server, model: name, version: version).run(
                        source, form: connection.json ? .json : csv ? .csv : .table, on: .standardOutput)
                    if self.timing { StandardError.write(timing.text) }
                }
            }
        }
    }
}
