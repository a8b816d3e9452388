import MantaThreads

#if canImport(Glibc)
    import Glibc
#endif

/// The end of standard input, by which whoever started a process tells that nobody needs it any more.
final class ParentInput: Sendable {
    private let ends = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Reads until the end, and asks this process to stop then.
    func watch() {
        Thread.start(name: "input") { [self] in
            var byte: UInt8 = 0
            while true {
                let count = unsafe read(STDIN_FILENO, &byte, 1)
                if count == 0 || count < 0 && errno != EINTR { break }
            }
            ends.continuation.finish()
            kill(getpid(), SIGTERM)
        }
    }

    /// Returns at the end, or when the task is cancelled. One task may wait.
    func end() async {
        for await _ in ends.stream {}
    }
}
