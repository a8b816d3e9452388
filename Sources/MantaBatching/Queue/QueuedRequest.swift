public import MantaTime

/// A request as the queue sees it: what decides when and with whom it runs.
public struct QueuedRequest<Payload> {
    /// Names the request in this queue.
    public let id: UInt64
    /// Only requests with equal keys share a batch.
    public let key: BatchKey
    /// Rows that it adds to a batch, at least 1; a request without rows counts as one.
    public let rows: Int
    /// Memory of its inputs, for the queue's bound.
    public let byteCount: Int
    /// 1 runs first, larger numbers later. 0 stands for none and runs after all that have one.
    public let priority: UInt32
    /// When it entered the queue.
    public let arrived: Instant
    /// When its answer is worthless, or, if it runs late, when it steps back behind those that are in time.
    public let deadline: Instant
    /// Whether it still runs after its deadline.
    public let runsLate: Bool
    /// Whether it waits although its deadline has passed.
    public internal(set) var isLate = false
    /// How often it was given to a replica that may have run it and hasn't answered.
    public var attempts = 0
    /// What the owner of the queue needs to run and answer it.
    public let payload: Payload

    /// A request with what decides when and with whom it runs.
    public init(
        id: UInt64, key: BatchKey, rows: Int, byteCount: Int, priority: UInt32 = 0, arrived: Instant,
        deadline: Instant, runsLate: Bool = false, payload: Payload
    ) {
        self.id = id
        self.key = key
        self.rows = max(rows, 1)
        self.byteCount = byteCount
        self.priority = priority
        self.arrived = arrived
        self.deadline = deadline
        self.runsLate = runsLate
        self.payload = payload
    }

    /// Whether this one runs before `other`: by priority, then by whether it is in time, then by
    /// deadline, then by arrival.
    func precedes(_ other: QueuedRequest) -> Bool {
        // Subtracting wraps 0, "none", around to the largest number.
        let (mine, others) = (priority &- 1, other.priority &- 1)
        if mine != others { return mine < others }
        if isLate != other.isLate { return !isLate }
        if deadline != other.deadline { return deadline < other.deadline }
        return id < other.id
    }
}

extension QueuedRequest: Sendable where Payload: Sendable {}
