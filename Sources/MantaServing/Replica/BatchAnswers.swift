import MantaBatching
import MantaCore
import MantaThreads
import MantaTime

/// Counts batches that have run, and answers their requests.
struct BatchAnswers: Sendable {
    let batcher: Batcher<PendingInference>
    let metrics: VersionMetrics

    /// The largest outputs of a batch, in bytes, whose replies are written on the thread that ran it.
    private static let smallReplies = 64 << 10

    /// Answers the requests of a batch.
    ///
    /// - Parameters:
    ///   - batch: The requests.
    ///   - result: What came of them.
    ///   - hasRows: Whether requests may share a batch. Where they always run alone, a row is a request.
    ///   - taken: When they were taken from the queue.
    ///   - elapsed: How long it took since.
    ///   - teaches: Whether the time says what batches cost.
    func answer(
        _ batch: [QueuedRequest<PendingInference>], with result: BatchRun.Result, hasRows: Bool, taken: Instant,
        elapsed: Duration, teaches: Bool
    ) {
        let rows = batch.reduce(0) { $0 + $1.rows }
        if teaches { batcher.finished(rows: rows, time: elapsed) }
        var timing = InferenceTiming()
        timing.input = result.started - taken
        timing.run = result.run
        timing.output = elapsed - timing.input - timing.run
        timing.batchRows = rows
        // First, so that whoever has an answer finds it counted.
        record(batch, timing, hasRows: hasRows, taken: taken, at: taken + elapsed)
        if let length = result.length { recordPositions(batch, length: length) }
        let resolve = {
            // By their places: to copy a request costs more than to answer it.
            for index in batch.indices {
                timing.queue = taken - batch[index].arrived
                batch[index].payload.resolve(.success(.init(outputs: result.outputs[index], timing: timing)))
            }
        }
        // Small replies are soon written, so that happens here; large ones would hold up the next batch.
        let byteCount = result.outputs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
        if byteCount <= Self.smallReplies { FollowUpExecutor.shared.collecting(resolve) } else { resolve() }
    }

    /// Counts a batch, but for copies in it.
    private func record(
        _ batch: [QueuedRequest<PendingInference>], _ timing: InferenceTiming, hasRows: Bool, taken: Instant,
        at now: Instant
    ) {
        var (rows, waits): (Int, [Duration]) = (0, [])
        waits.reserveCapacity(batch.count)
        for index in batch.indices where !batch[index].payload.isCopy {
            rows += hasRows ? batch[index].rows : 1
            waits.append(taken - batch[index].arrived)
        }
        guard rows > 0 else { return }
        metrics.recordBatch(rows: rows, waits: waits, timing: timing, at: now)
    }

    /// Counts what a batch was filled up with, but for copies in it.
    private func recordPositions(_ batch: [QueuedRequest<PendingInference>], length: Int) {
        var (input, padding) = (0, 0)
        for request in batch where !request.payload.isCopy {
            guard let own = request.payload.length else { continue }
            input += request.payload.rowCount * own
            padding += request.payload.rowCount * (length - own)
        }
        if input + padding > 0 { metrics.recordPositions(input: input, padding: padding) }
    }
}
