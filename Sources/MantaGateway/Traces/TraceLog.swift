package import Logging
package import MantaCore
import MantaTelemetry
import MantaThreads
import MantaTime
import Synchronization

/// Writes traces to a file, on a thread of its own.
///
/// ```swift
/// let log = try TraceLog(path: "trace.json", logger: logger)
/// async let life: Void = log.run()   // until finish(), then what waits is written
/// ```
///
/// What comes faster than the disk takes it is dropped and counted: a trace never holds up a request.
package actor TraceLog {
    /// The most traces that wait, and the most memory of their tensors.
    private static let (maxTraces, maxBytes) = (1024, 64 << 20)

    /// The file.
    package nonisolated let path: String
    private nonisolated let waiting = AsyncStream.makeStream(
        of: Trace.self, bufferingPolicy: .bufferingOldest(maxTraces))
    private nonisolated let waitingBytes = Atomic(0)
    private nonisolated let droppedCount = Atomic(0)
    private let records = TraceRecords(instant: .now, milliseconds: Timestamp.now().milliseconds)
    private let logger: Logger
    private var file: TraceFile
    /// The file of those that want a new one now and then, and its number.
    private var numbered: TraceFile?
    private var number = -1
    private var hasFailed = false
    private nonisolated let thread = ThreadExecutor(name: "traces")

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// Makes the file, or empties one that is there.
    ///
    /// - Throws: ``ServingError`` with what the system says.
    package init(path: String, logger: Logger) throws(ServingError) {
        self.path = path
        self.logger = logger
        file = try TraceFile(path: path)
    }

    deinit {
        thread.stop()
    }

    /// Traces that were dropped, since the disk didn't keep up or the tensors were too large.
    package nonisolated var dropped: Int { droppedCount.load(ordering: .relaxed) }

    /// Takes a trace if there is room for it.
    nonisolated func add(_ trace: Trace) {
        let bytes = trace.byteCount
        let isDropped: Bool
        if waitingBytes.add(bytes, ordering: .relaxed).newValue > Self.maxBytes {
            isDropped = true
        } else if case .enqueued = waiting.continuation.yield(trace) {
            isDropped = false
        } else {
            isDropped = true
        }
        guard isDropped else { return }
        waitingBytes.subtract(bytes, ordering: .relaxed)
        droppedCount.add(1, ordering: .relaxed)
    }

    /// Lets ``run()`` return once everything is written.
    package nonisolated func finish() { waiting.continuation.finish() }

    /// Writes what comes until ``finish()``.
    package func run() async {
        for await trace in waiting.stream {
            write(trace)
            waitingBytes.subtract(trace.byteCount, ordering: .relaxed)
        }
    }

    private func write(_ trace: Trace) {
        do {
            let text = try records.text(of: trace)
            if trace.frequency == 0 {
                try file.append(text)
            } else {
                try appendToNumbered(text, frequency: trace.frequency)
            }
            hasFailed = false
        } catch {
            droppedCount.add(1, ordering: .relaxed)
            // Once, not for each trace while the disk is full.
            guard !hasFailed else { return }
            hasFailed = true
            logger.error(
                "Traces can't be written", metadata: ["reason": "\((error as? ServingError)?.message ?? "\(error)")"])
        }
    }

    private func appendToNumbered(_ text: String, frequency: Int) throws(ServingError) {
        if (numbered?.count ?? frequency) >= frequency {
            number += 1
            numbered = try TraceFile(path: "\(path).\(number)")
        }
        try numbered?.append(text)
    }
}
