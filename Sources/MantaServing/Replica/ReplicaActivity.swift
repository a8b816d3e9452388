public import MantaTime

/// What a replica has done and does now.
public struct ReplicaActivity: Sendable, Hashable {
    /// Names it within its version.
    public let id: Int
    /// When it began.
    public let startedAt: Instant
    /// Requests in the batch that it runs.
    public internal(set) var ongoing = 0
    /// Batches that it has run.
    public private(set) var batches = 0
    /// How long it has worked on them.
    public private(set) var busy = Duration.zero
    /// Why the last batch that failed did.
    public internal(set) var lastError: String?

    init(id: Int, startedAt: Instant) {
        (self.id, self.startedAt) = (id, startedAt)
    }

    mutating func ran(for duration: Duration) {
        batches += 1
        busy += duration
    }
}
