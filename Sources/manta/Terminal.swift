import FoundationEssentials
import MantaClient
import UnixSignals

#if canImport(Glibc)
    import Glibc
#endif

extension Screen {
    /// Standard output. Each text is there at once, also in a pipe.
    static var standardOutput: Screen {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let environment = ProcessInfo.processInfo.environment
        let isColoured =
            isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
        return Screen(isTerminal: isTerminal, isColoured: isColoured) { text in
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
                if count >= 0 { rest = rest.dropFirst(count) }
                guard count >= 0 || errno == EINTR else {
                    throw errno == EPIPE
                        ? OutputClosed() as any Error
                        : ClientError(.failed, "can't write the output: \(unsafe String(cString: strerror(errno)))")
                }
            }
        }
    }
}

/// Whoever read the output has had enough, as `head` does: no reason to complain.
struct OutputClosed: Error {}

/// Work that goes on until somebody stops it.
enum UntilInterrupted {
    /// Runs `work` until it ends, or until Ctrl-C or SIGTERM cancels it; to be stopped is no failure.
    static func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask {
                for await _ in signals { return }
            }
            try await group.next()
            group.cancelAll()
        }
    }
}
