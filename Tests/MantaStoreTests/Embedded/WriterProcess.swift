import Foundation
import MantaTestKit

/// `store-writer` as a process of its own. It is killed, by its own pid, when the test lets go of it.
final class WriterProcess: Sendable {
    private let pid: Int32
    private let input = Pipe()
    private let output = Pipe()
    private let process: Process

    /// The binary beside the tests'.
    private static let binary = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "store-writer").path

    /// Starts it, through a launcher if one is given.
    init(_ arguments: [String], launcher: [String] = []) throws {
        let command = launcher + [Self.binary] + arguments
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        self.process = process
        pid = process.processIdentifier
    }

    deinit {
        if process.isRunning { kill() }
    }

    /// Ends it with SIGKILL.
    func kill() {
        Foundation.kill(pid, SIGKILL)
    }

    /// The next `count` lines, fewer if it ends before.
    func lines(_ count: Int) async throws -> [String] {
        try await onThread { [output] in
            var lines: [String] = []
            var line: [UInt8] = []
            while lines.count < count, let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: line, as: UTF8.self))
                    line = []
                } else {
                    line.append(byte)
                }
            }
            return lines
        }
    }

    /// Lets it end by itself and returns the lines that are left.
    func end() async throws -> [String] {
        try input.fileHandleForWriting.close()
        let lines = try await lines(.max)
        try await onThread { [process] in process.waitUntilExit() }
        return lines
    }
}
