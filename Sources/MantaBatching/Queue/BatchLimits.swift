/// What bounds a queue and its batches.
public struct BatchLimits: Sendable, Hashable {
    /// Requests that may wait, at least 1.
    public var requests: Int
    /// Memory that the inputs of waiting requests may take.
    public var bytes: Int
    /// Rows that a batch may have, at least 1. A request of more rows runs alone.
    public var rows: Int
    /// How long a replica that is idle may wait for a fuller batch.
    public var delay: Duration
    /// Rows that a batch should have, if any are better than others. A batch of one of them starts at once.
    public var preferred: Set<Int> = []
    /// Whether requests may share a batch.
    public var isShared = true
    /// Requests of a priority that may wait, where that is bounded for itself.
    public var requestsOfPriority: [UInt32: Int] = [:]

    /// These bounds.
    public init(requests: Int = 1000, bytes: Int = 256 << 20, rows: Int = 64, delay: Duration = .zero) {
        self.requests = requests
        self.bytes = bytes
        self.rows = rows
        self.delay = delay
    }
}
