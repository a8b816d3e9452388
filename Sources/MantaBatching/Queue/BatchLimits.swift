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

    /// These bounds.
    public init(requests: Int = 1000, bytes: Int = 256 << 20, rows: Int = 64, delay: Duration = .zero) {
        self.requests = requests
        self.bytes = bytes
        self.rows = rows
        self.delay = delay
    }
}
