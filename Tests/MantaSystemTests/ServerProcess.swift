import Foundation
import MantaProcesses
import MantaTestKit

/// The real binary, running on ports that the system chose.
///
/// It is ended, by its own pid, when the test that started it ends.
final class ServerProcess: Sendable {
    /// What couldn't be done.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Everything the process wrote to standard error so far.
    var log: String { child.errors }
    /// The address of the operators' listener, at which the others are reached too.
    let host: String
    /// The port of the inference listener.
    let port: Int
    /// The port of the gRPC listener; 0 if that is off.
    let grpcPort: Int
    /// The port of the operators' listener.
    let adminPort: Int
    /// The process's number.
    var pid: Int32 { child.pid }
    private let child: ChildProcess

    /// The top folder of the repository.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The binary under test: `MANTA_BINARY`, or the release build.
    static let binary = URL(
        filePath: ProcessInfo.processInfo.environment["MANTA_BINARY"] ?? ".build/release/manta", relativeTo: root)

    /// Starts `manta serve` with these arguments and waits until it is ready.
    static func ready(
        _ arguments: [String], environment: [String: String] = [:], launcher: [String] = []
    ) async throws -> ServerProcess {
        let server = try await start(arguments, environment: environment, launcher: launcher)
        try await onThread {
            let client = try SocketClient(port: server.adminPort)
            while try client.request("GET", "/v2/health/ready").status != 200 {}
        }
        return server
    }

    /// Starts `manta serve` with these arguments and waits until it listens.
    ///
    /// - Parameters:
    ///   - arguments: What follows the subcommand and the ports.
    ///   - subcommand: `serve`, or another one that listens.
    ///   - environment: Variables to add.
    ///   - launcher: A program, with its arguments, that runs the binary.
    /// - Returns: The process.
    /// - Throws: ``Failure`` with its log if it ends instead.
    static func start(
        _ arguments: [String], subcommand: String = "serve", environment: [String: String] = [:],
        launcher: [String] = []
    ) async throws -> ServerProcess {
        let command =
            launcher + [binary.path, subcommand, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
            + (subcommand == "serve" ? ["--grpc", "127.0.0.1:0"] : []) + arguments
        var program = Program(command[0], Array(command.dropFirst()), environment: environment)
        program.directory = root.path
        program.output = .discarded
        let child = try await program.start()
        let ports = await child.first { Ports(log: $0.errors) }
        guard let ports else { throw Failure(description: child.errors) }
        return ServerProcess(child, ports)
    }

    private init(_ child: ChildProcess, _ ports: Ports) {
        self.child = child
        (host, port, grpcPort, adminPort) = (ports.host, ports.inference, ports.grpc, ports.admin)
    }

    /// Sends a signal to the process.
    func signal(_ number: Int32) {
        child.signal(number)
    }

    /// Waits for the end: the exit status, or minus the signal that ended it.
    func exitStatus() async -> Int32 {
        await child.exitStatus()
    }

    /// Waits until the log has this text; whether it has it before the end.
    func logContains(_ text: String) async -> Bool {
        await child.wrote(text)
    }

    /// The ports in the line that says where Manta serves.
    private struct Ports {
        let host: String
        let inference: Int
        let grpc: Int
        let admin: Int

        /// Those in a log, once the line is there as a whole.
        init?(log: String) {
            let lines = log.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            guard let fields = lines.first(where: { $0.contains("Manta serves") })?.split(separator: " ") else {
                return nil
            }
            func address(_ key: String) -> (host: String, port: Int)? {
                let field = fields.first { $0.hasPrefix(key + "=") }
                guard let field, let colon = field.lastIndex(of: ":") else { return nil }
                let host = field[..<colon].dropFirst(key.count + 1)
                return Int(field[colon...].dropFirst()).map { (String(host), $0) }
            }
            guard let inference = address("http"), let admin = address("admin") else { return nil }
            host = admin.host
            (self.inference, grpc, self.admin) = (inference.port, address("grpc")?.port ?? 0, admin.port)
        }
    }
}
