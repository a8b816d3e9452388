import CMantaProcesses
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// What a child has told so far.
package struct Told: Sendable {
    /// What came through standard output and standard error.
    fileprivate var streams: [[UInt8]] = [[], []]
    /// The exit status, or minus the signal that ended it; `nil` as long as it may write more.
    package fileprivate(set) var exitStatus: Int32?

    /// What it wrote to standard output.
    package var output: String { String(decoding: streams[0], as: UTF8.self) }
    /// What it wrote to standard error.
    package var errors: String { String(decoding: streams[1], as: UTF8.self) }
}

/// What the thread that follows a child shares with those that ask for it.
final class ChildLife: Sendable {
    private struct State {
        var told = Told()
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    /// The end of the child's input that is to be closed later.
    private let input = Mutex(Descriptor())

    /// What the child told so far.
    var told: Told { state.withLock { $0.told } }

    /// Sends the child a signal, unless it has ended.
    func signal(_ number: Int32, to pid: Int32) {
        state.withLock { if $0.told.exitStatus == nil { _ = kill(pid, number) } }
    }

    /// Takes the child's input, and keeps it open until ``endInput()``.
    func keepInput(_ input: inout Descriptor) {
        self.input.withLock { swap(&$0, &input) }
    }

    /// Closes the child's input, if it is open.
    func endInput() {
        input.withLock { $0 = Descriptor() }
    }

    /// Takes in what the child writes until nobody can write more and it has ended.
    ///
    /// - Note: Blocks its thread until then.
    func follow(_ child: borrowing StartedChild) {
        var watched = [
            pollfd(fd: child.output.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: child.errors.number, events: Int16(POLLIN), revents: 0),
        ]
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while watched.contains(where: { $0.fd >= 0 }) {
            guard unsafe poll(&watched, nfds_t(watched.count), -1) > 0 else { continue }
            for stream in watched.indices where watched[stream].revents != 0 {
                let count = unsafe read(watched[stream].fd, &buffer, buffer.count)
                if count > 0 {
                    change { $0.streams[stream] += buffer[..<count] }
                } else {
                    // It is over, and left aside from now on.
                    watched[stream].fd = -1
                }
            }
        }
        manta_await_end(child.pid)
        // Its number is given back under the lock that signals are sent under, so that none goes to another process.
        change { $0.exitStatus = manta_exit_status(child.pid) }
    }

    /// Waits until something that the child told makes `find` give a value.
    func value<Value: Sendable>(_ find: @Sendable (Told) -> Value?) async -> Value {
        while true {
            if let value = state.withLock({ find($0.told) }) { return value }
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if find(state.told) != nil { return true }
                    state.watchers.append(continuation)
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    private func change(_ body: (inout Told) -> Void) {
        let watchers = state.withLock { state in
            body(&state.told)
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }
}
