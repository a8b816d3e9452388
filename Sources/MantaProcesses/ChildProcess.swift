#if canImport(Glibc)
    import Glibc
#endif

/// A program that runs beside this process until it ends or is ended.
///
/// It is killed when nobody refers to it any more, and when this process ends, however that ends. It has no file of this
/// process but its streams.
package final class ChildProcess: Sendable {
    /// The process's number.
    package let pid: Int32
    private let life: ChildLife

    init(pid: Int32, _ life: ChildLife) {
        (self.pid, self.life) = (pid, life)
    }

    deinit { kill() }

    /// What it wrote to standard output so far.
    package var output: String { life.told.output }

    /// What it wrote to standard error so far.
    package var errors: String { life.told.errors }

    /// Sends it a signal, unless it has ended.
    package func signal(_ number: Int32) { life.signal(number, to: pid) }

    /// Ends it with SIGKILL.
    package func kill() { life.signal(SIGKILL, to: pid) }

    /// Ends its input, which was ``Program/Input/open``.
    package func endInput() { life.endInput() }

    /// Waits until it wrote this text; whether it did before it ended.
    package func wrote(_ text: String) async -> Bool {
        await first { $0.output.contains(text) || $0.errors.contains(text) ? true : nil } ?? false
    }

    /// Waits for its end, and that of its streams: the exit status, or minus the signal that ended it.
    package func exitStatus() async -> Int32 {
        await life.value { $0.exitStatus }
    }

    /// Waits until `find` makes something of what it told so far; `nil` if it ended before.
    package func first<Value: Sendable>(_ find: @Sendable (Told) -> Value?) async -> Value? {
        await life.value { told in
            if let value = find(told) { return .some(value) }
            return told.exitStatus == nil ? nil : .some(nil)
        }
    }
}
