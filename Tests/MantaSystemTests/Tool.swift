import Foundation
import MantaProcesses
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

    /// Runs a program, in the top folder of the repository, to its end.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> Result {
        var program = Program(path, arguments, environment: environment)
        program.directory = ServerProcess.root.path
        program.errors = nil
        let result = try await program.run()
        return Result(status: result.status, output: result.output)
    }
}

extension TemporaryFolder {
    /// Copies a file of the repository.
    func copy(fromRepository source: String, to name: String) throws {
        try copy(ServerProcess.root.appending(path: source).path, to: name)
    }
}
