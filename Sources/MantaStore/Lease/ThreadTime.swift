import MantaThreads
import MantaTime
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The machine's monotonic clock, each of whose sleepers has a thread: `Task.sleep` wakes up on the cooperative pool, late
/// if that is busy.
struct ThreadTime: TimeSource {
    /// A pipe that nothing is written to until the sleep is over before its time.
    ///
    /// The descriptors are constant and closed when nobody has it any more.
    private final class Alarm: Sendable {
        private let reading: Int32
        private let writing: Int32

        init() {
            var ends: [Int32] = [0, 0]
            let status = unsafe pipe(&ends)
            precondition(status == 0, "no pipe could be made (error \(errno))")
            (reading, writing) = (ends[0], ends[1])
        }

        deinit {
            close(reading)
            close(writing)
        }

        func cancel() {
            var byte: UInt8 = 1
            _ = unsafe write(writing, &byte, 1)
        }

        /// Blocks its thread. Returns whether it came to `deadline`.
        func wait(until deadline: Instant) -> Bool {
            while true {
                let milliseconds = ((deadline - .now) / .milliseconds(1)).rounded(.up)
                guard milliseconds > 0 else { return true }
                var descriptor = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
                if unsafe poll(&descriptor, 1, Int32(min(milliseconds, 1_000_000))) > 0 { return false }
            }
        }
    }

    var now: Instant { .now }

    func sleep(until deadline: Instant) async throws {
        let alarm = Alarm()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                Thread.start(name: "timer") {
                    if alarm.wait(until: deadline) {
                        continuation.resume()
                    } else {
                        continuation.resume(throwing: CancellationError())
                    }
                }
            }
        } onCancel: {
            alarm.cancel()
        }
    }
}
