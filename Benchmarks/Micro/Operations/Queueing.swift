import MantaBatching
import MantaCore
import MantaTime

/// Getting requests into batches.
enum Queueing {
    static let operations = [
        Operation(name: "batch-of-1") { batching(requests: 1) },
        Operation(name: "batch-of-32") { batching(requests: 32) },
        Operation(name: "join-and-split-32-rows", prepare: joining),
    ]

    /// All requests enter a queue, and a replica takes them as one batch.
    private static func batching(requests count: Int) -> () throws -> Void {
        var limits = BatchLimits()
        limits.rows = count
        var queue = BatchQueue<Int>(limits: limits)
        let now = Instant.now
        let input = Tensor(shape: [1, 64], [Float](repeating: 1, count: 64))
        let requests = (0..<count).map { id in
            QueuedRequest(
                id: UInt64(id), key: BatchKey(inputs: [input], outputs: [0]), rows: 1, byteCount: 256, arrived: now,
                deadline: now + .seconds(60), payload: id)
        }
        return {
            for request in requests { _ = queue.admit(request, at: now) }
            let batch = queue.offer(replica: 0, at: now).batches
            precondition(batch.count == 1 && batch[0].requests.count == count)
        }
    }

    @Sendable private static func joining() -> () throws -> Void {
        let rows = (0..<32).map { Tensor(shape: [1, 64], [Float](repeating: Float($0), count: 64)) }
        let counts = rows.map { _ in 1 }
        return { precondition(Tensor.joiningRows(rows).splittingRows(counts).count == 32) }
    }
}
