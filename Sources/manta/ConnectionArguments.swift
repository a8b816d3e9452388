import ArgumentParser
import FoundationEssentials
import MantaClient

/// How to talk to a server: the arguments of all commands that do.
struct ConnectionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file with the token that the server knows you by; or put it into the variable MANTA_TOKEN. "
                + "No option takes the token itself: everyone on the machine would see it in the list of processes.",
            valueName: "file"),
        completion: .file())
    var tokenFile: String?
    @Option(
        help: ArgumentHelp("Certificates to trust instead of this machine's, PEM, for HTTPS.", valueName: "file"),
        completion: .file(extensions: ["pem", "crt", "cer"]))
    var ca: String?
    @Flag(help: "Trust any certificate. Whoever is in between can then read and change what is sent.")
    var insecureTLS = false
    @Option(
        help: ArgumentHelp("How long an answer may take, such as 500ms, 10s or 2m.", valueName: "time"),
        transform: Duration.init(argument:))
    var timeout = Duration.seconds(10)
    @Flag(help: "Print the server's documents as they are.")
    var json = false

    func validate() throws {
        guard timeout > .zero else { throw ValidationError("--timeout: expected a time above 0") }
        guard ca == nil || !insecureTLS else { throw ValidationError("--ca and --insecure-tls exclude each other") }
    }

    /// The settings for a server at this place.
    func settings(url: ServerURL) throws -> ConnectionSettings {
        var settings = ConnectionSettings(url: url)
        settings.timeout = timeout
        settings.trust = insecureTLS ? .anyone : ca.map { .file($0) } ?? .system
        if let tokenFile {
            guard let data = FileManager.default.contents(atPath: tokenFile) else {
                throw ValidationError("--token-file: \(tokenFile) can't be read")
            }
            settings.token = try ConnectionSettings.token(in: String(decoding: data, as: UTF8.self), of: tokenFile)
        } else if let token = ProcessInfo.processInfo.environment["MANTA_TOKEN"], !token.isEmpty {
            settings.token = try ConnectionSettings.token(in: token, of: "MANTA_TOKEN")
        }
        return settings
    }
}

/// Where the operators' endpoint is.
struct AdminArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The operators' endpoint. Default: the variable MANTA_ADMIN, else http://127.0.0.1:8002.", valueName: "url"),
        transform: ServerURL.init(argument:))
    var admin: ServerURL?
    @OptionGroup var connection: ConnectionArguments

    /// Calls `body` with a connection to the endpoint; if that fails, says why and ends the command with its exit code.
    func connected(_ body: (ServerConnection) async throws -> Void) async throws {
        try await Failure.exiting {
            try await ServerConnection.open(try connection.settings(url: try url()), body)
        }
    }

    private func url() throws -> ServerURL {
        if let admin { return admin }
        guard let text = ProcessInfo.processInfo.environment["MANTA_ADMIN"], !text.isEmpty else { return .localAdmin }
        guard let url = ServerURL(text) else { throw ValidationError("MANTA_ADMIN: expected \(ServerURL.expected)") }
        return url
    }
}

/// How a change is asked for.
struct ChangeArguments: ParsableArguments {
    /// Seconds that a server waits at most.
    static let maxWait = 60

    /// Asks for a change, says what came of it, and ends with an error if it failed or isn't done in time.
    static func send(_ change: Change, to server: ServerConnection, wait: Int, json: Bool) async throws {
        let outcome = try await change.send(to: server, wait: wait)
        let screen = Screen.standardOutput
        if json {
            try screen.write(document: outcome.document)
        } else if outcome.error == nil {
            try screen.write(outcome.message + "\n")
        }
        if let error = outcome.error { throw error }
    }

    /// The seconds that a time to wait has.
    @Sendable static func seconds(argument: String) throws -> Int {
        guard let duration = Duration(argument), duration <= .seconds(maxWait),
            duration.components.attoseconds == 0
        else { throw ValidationError("expected whole seconds up to \(maxWait)s, such as 10s") }
        return Int(duration.components.seconds)
    }
}

extension Duration {
    @Sendable fileprivate init(argument: String) throws {
        guard let duration = Duration(argument) else {
            throw ValidationError("expected a time such as 500ms, 10s or 2m")
        }
        self = duration
    }
}

extension ServerURL {
    @Sendable init(argument: String) throws {
        guard let url = ServerURL(argument) else { throw ValidationError("expected \(Self.expected)") }
        self = url
    }
}
