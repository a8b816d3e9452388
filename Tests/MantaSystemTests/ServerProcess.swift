import Foundation
import MantaTestKit
import Synchronization

/// The real binary, running on ports that the system chose.
///
/// It is ended, by its own pid, when the test that started it ends.
final class ServerProcess: Sendable {
    /// What couldn't be done.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Written by the reader of standard error only, under the lock.
    private struct Output {
        var log = ""
        var inference: Int?
        var grpc: Int?
        var admin: Int?
        var exitStatus: Int32?
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    /// Everything the process wrote to standard error so far.
    var log: String { output.withLock { $0.log } }
    /// The port of the inference listener.
    let port: Int
    /// The port of the gRPC listener; 0 if that is off.
    let grpcPort: Int
    /// The port of the operators' listener.
    let adminPort: Int
    /// The process's number.
    let pid: Int32
    private let output: OutputBox
    private let process: Process

    private final class OutputBox: Sendable {
        private let state = Mutex(Output())

        func withLock<Result: Sendable>(_ body: (inout sending Output) -> sending Result) -> Result {
            state.withLock(body)
        }
    }

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
        let process = Process()
        let command =
            launcher + [binary.path, subcommand, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
            + (subcommand == "serve" ? ["--grpc", "127.0.0.1:0"] : []) + arguments
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = root
        let pipe = Pipe()
        process.standardError = pipe
        // Not the tests' own, which a server left behind would keep open.
        process.standardOutput = FileHandle.nullDevice
        let output = OutputBox()
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            let watchers = output.withLock { output in
                output.log += String(decoding: data, as: UTF8.self)
                output.inference = output.inference ?? Self.port("http", in: output.log)
                output.grpc = output.grpc ?? Self.port("grpc", in: output.log)
                output.admin = output.admin ?? Self.port("admin", in: output.log)
                defer { output.watchers = [] }
                return output.watchers
            }
            for watcher in watchers { watcher.resume() }
        }
        process.terminationHandler = { ended in
            let watchers = output.withLock { output in
                output.exitStatus =
                    ended.terminationReason == .exit ? ended.terminationStatus : -ended.terminationStatus
                defer { output.watchers = [] }
                return output.watchers
            }
            for watcher in watchers { watcher.resume() }
        }
        try process.run()
        let server = try await ServerProcess(process, output)
        return server
    }

    private init(_ process: Process, _ output: OutputBox) async throws {
        let ports: (Int, Int, Int)? = await Self.value(from: output) { output in
            if let inference = output.inference, let admin = output.admin {
                return .some((inference, output.grpc ?? 0, admin))
            }
            return output.exitStatus == nil ? nil : .some(nil)
        }
        guard let ports else { throw Failure(description: output.withLock { $0.log }) }
        self.process = process
        self.output = output
        (port, grpcPort, adminPort) = ports
        pid = process.processIdentifier
    }

    deinit {
        if output.withLock({ $0.exitStatus }) == nil { kill(pid, SIGKILL) }
    }

    /// Sends a signal to the process.
    func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// Waits for the end: the exit status, or minus the signal that ended it.
    func exitStatus() async -> Int32 {
        await Self.value(from: output) { $0.exitStatus }
    }

    /// Waits until the log has this text.
    func logContains(_ text: String) async -> Bool {
        await Self.value(from: output) { output in
            if output.log.contains(text) { return true }
            return output.exitStatus == nil ? nil : false
        }
    }

    /// Waits until something the process did makes `body` give a value.
    private static func value<Value: Sendable>(
        from output: OutputBox, _ body: @Sendable (Output) -> Value?
    ) async -> Value {
        while true {
            if let value = output.withLock({ body($0) }) { return value }
            await withCheckedContinuation { continuation in
                let isThere = output.withLock { output in
                    if body(output) != nil { return true }
                    output.watchers.append(continuation)
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// The port after `key=host:` in the line that says where Manta serves.
    private static func port(_ key: String, in log: String) -> Int? {
        guard let line = log.split(separator: "\n").first(where: { $0.contains("Manta serves") }),
            let field = line.split(separator: " ").first(where: { $0.hasPrefix(key + "=") })
        else { return nil }
        return field.split(separator: ":").last.flatMap { Int($0) }
    }
}
