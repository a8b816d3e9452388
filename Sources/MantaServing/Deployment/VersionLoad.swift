import MantaBatching
import MantaTime

/// How much a version has to do.
struct VersionLoad: Sendable {
    /// Requests that wait.
    var queued: Int
    /// Requests that run.
    var running: Int
    /// How long the oldest of those that wait has waited.
    var longestWait: Duration
    /// What came in so far.
    var counts: BatcherCounts
    /// Rows of a batch of the size in force, at least 1.
    var batchRows: Int
    /// How long such a batch takes, if that is known.
    var runTime: Duration?
}

extension ServedVersion {
    /// How much it has to do; `nil` until its model is loaded.
    var load: VersionLoad? {
        guard let batcher = live?.batcher else { return nil }
        let sizer = batcher.sizer
        let isBatched = plan.map { $0.maxRows > 0 && $0.isShared } ?? false
        let rows = isBatched ? max(1, sizer.choice.rows) : 1
        return VersionLoad(
            queued: batcher.count,
            running: replicas.reduce(0) { $0 + $1.ongoing } + remoteReplicas.reduce(0) { $0 + $1.ongoing },
            longestWait: batcher.oldestArrival.map { time.now - $0 } ?? .zero, counts: batcher.counts, batchRows: rows,
            runTime: sizer.curve.expectedTime(rows: rows))
    }
}
