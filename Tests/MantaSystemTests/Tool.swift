import Foundation
import MantaTestKit

/// Programs that tests run beside the server.
enum Tool {
    /// What came of a program.
    struct Result: Sendable, Equatable {
        var status: Int32
        /// Standard output and standard error.
        var output: String
    }

    /// Python with the clients of `Tests/requirements.txt`.
    static let python = ServerProcess.root.appending(path: ".venv/bin/python").path

    /// Runs a program to its end.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> Result {
        try await onThread {
            let process = Process()
            process.executableURL = URL(filePath: path)
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.currentDirectoryURL = ServerProcess.root
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return Result(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
        }
    }
}

extension TemporaryFolder {
    /// Copies a file of the repository.
    func copy(fromRepository source: String, to name: String) throws {
        try copy(ServerProcess.root.appending(path: source).path, to: name)
    }
}
