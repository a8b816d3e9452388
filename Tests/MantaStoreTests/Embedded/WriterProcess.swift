import Foundation
import MantaProcesses
import Synchronization

/// `store-writer` as a process of its own. It is killed when the test lets go of it.
final class WriterProcess: Sendable {
    private let child: ChildProcess
    private let taken = Mutex(0)

    /// The binary beside the tests'.
    private static let binary = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "store-writer").path

    /// Starts it, through a launcher if one is given.
    init(_ arguments: [String], launcher: [String] = []) async throws {
        let command = launcher + [Self.binary] + arguments
        var program = Program(command[0], Array(command.dropFirst()))
        program.input = .open
        child = try await program.start()
    }

    /// Ends it with SIGKILL.
    func kill() {
        child.kill()
    }

    /// The next `count` lines, fewer if it ends before.
    func lines(_ count: Int) async -> [String] {
        let taken = taken.withLock { $0 }
        let lines = await child.first { told -> [Substring]? in
            // The last one may be half of one.
            let lines = told.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                .dropFirst(taken).prefix(count)
            return lines.count == count || told.exitStatus != nil ? Array(lines) : nil
        }
        self.taken.withLock { $0 += lines?.count ?? 0 }
        return lines?.map(String.init) ?? []
    }

    /// Lets it end by itself and returns the lines that are left.
    func end() async -> [String] {
        child.endInput()
        return await lines(.max)
    }
}
