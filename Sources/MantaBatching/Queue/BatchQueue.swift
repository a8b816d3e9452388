import DequeModule

/// Requests that wait for a replica, and replicas that wait for requests. A value that decides and does nothing.
///
/// Work-conserving: a replica that has nothing to do takes at once what waits, up to the batch size in force. While all
/// replicas are busy, waiting requests become the next batch. With a ``BatchLimits/delay``, a replica that could start a
/// batch that isn't full waits until its first request has waited that long, but never past a deadline.
///
/// The order is priority, then deadline, then arrival. The first request in that order decides which key runs next, and
/// those of the same key follow it into the batch in that order. A request past its deadline is never handed out.
///
/// ```swift
/// var queue = BatchQueue<String>()
/// _ = queue.offer(replica: 7, at: now)                       // nothing to do yet
/// let (admission, decision) = queue.admit(request, at: now)  // .accepted; decision.batches: [request] on replica 7
/// ```
public struct BatchQueue<Payload> {
    /// A request in this queue.
    public typealias Request = QueuedRequest<Payload>

    /// What the owner is to do after an event.
    public struct Decision {
        /// Batches to run, each on its replica, which is no longer idle.
        public var batches: [(replica: Int, requests: [Request])] = []
        /// Requests to answer: their deadline has passed and they have left the queue.
        public var expired: [Request] = []
        /// When to call ``BatchQueue/advance(to:)`` if nothing else happens before. May be earlier than needed.
        public var wakeUp: ContinuousClock.Instant?
    }

    /// Whether a request got in.
    public enum Admission: Sendable, Equatable {
        case accepted
        /// As many requests wait as may.
        case tooManyRequests
        /// The inputs of waiting requests take as much memory as they may.
        case tooManyBytes
    }

    /// The bounds in force. A change holds from the next event on.
    public var limits: BatchLimits
    /// How many requests wait.
    public private(set) var count = 0
    /// How many bytes the inputs of waiting requests take.
    public private(set) var byteCount = 0
    /// When the request came that has waited longest. Looks at all that wait.
    public var oldestArrival: ContinuousClock.Instant? { groups.lazy.flatMap(\.requests).map(\.arrived).min() }
    /// One list for each key, in the order to run. None is empty.
    private var groups: [Group] = []
    /// The list of a group that has become empty, for the next one: under light load there is one for each request.
    private var spare = Deque<QueuedRequest<Payload>>()
    /// Replicas with nothing to do. The one that was busy last is last and taken first: its caches are warm.
    private var idle: [Int] = []
    /// No deadline in the queue is earlier than this.
    private var earliestDeadline: ContinuousClock.Instant?

    fileprivate struct Group {
        let key: BatchKey
        var requests: Deque<QueuedRequest<Payload>>
    }

    /// An empty queue.
    public init(limits: BatchLimits = .init()) {
        self.limits = limits
    }
}

// MARK: - Events

extension BatchQueue {
    /// A request wants in.
    public mutating func admit(_ request: Request, at now: ContinuousClock.Instant) -> (Admission, Decision) {
        let admission = admission(requests: 1, bytes: request.byteCount)
        guard admission == .accepted else { return (admission, advance(to: now)) }
        insert(request)
        return (.accepted, advance(to: now))
    }

    /// The parts of a request that is larger than a batch want in: all get in or none.
    public mutating func admit(parts: [Request], at now: ContinuousClock.Instant) -> (Admission, Decision) {
        let admission = admission(requests: parts.count, bytes: parts.reduce(0) { $0 + $1.byteCount })
        guard admission == .accepted else { return (admission, advance(to: now)) }
        for part in parts { insert(part) }
        return (.accepted, advance(to: now))
    }

    /// A replica has nothing to do and asks for work.
    public mutating func offer(replica: Int, at now: ContinuousClock.Instant) -> Decision {
        precondition(!idle.contains(replica), "replica \(replica) is idle already")
        idle.append(replica)
        return advance(to: now)
    }

    /// A replica is about to run the batch that it was given. Adds what has come since and fits: a thread that had to be
    /// woken up first finds its batch fuller.
    public mutating func fill(_ batch: inout [Request], at now: ContinuousClock.Instant) -> Decision {
        let decision = advance(to: now)
        guard let key = batch.first?.key, let index = groups.firstIndex(where: { $0.key == key }) else {
            return decision
        }
        batch += take(rows: limits.rows - batch.reduce(0) { $0 + $1.rows }, from: index)
        return decision
    }

    /// A replica no longer asks for work. Returns false if it wasn't idle.
    public mutating func withdraw(replica: Int) -> Bool {
        guard let index = idle.firstIndex(of: replica) else { return false }
        idle.remove(at: index)
        return true
    }

    /// A request's caller has gone. Returns the request if it still waited.
    public mutating func cancel(_ id: UInt64) -> Request? {
        for group in groups.indices {
            guard let index = groups[group].requests.firstIndex(where: { $0.id == id }) else { continue }
            let request = groups[group].requests.remove(at: index)
            left(request)
            removeIfEmpty(group)
            return request
        }
        return nil
    }

    /// The queue closes: everything that waits leaves it, for the owner to answer.
    public mutating func removeAll() -> [Request] {
        defer {
            groups = []
            (count, byteCount, earliestDeadline) = (0, 0, nil)
        }
        return groups.flatMap(\.requests)
    }

    /// Time has passed.
    public mutating func advance(to now: ContinuousClock.Instant) -> Decision {
        var decision = Decision()
        if let deadline = earliestDeadline, deadline <= now { decision.expired = removeExpired(at: now) }
        while !groups.isEmpty, let replica = idle.last {
            guard let group = nextGroup(at: now, wakeUp: &decision.wakeUp) else { break }
            idle.removeLast()
            // A request of more rows than a batch may have runs alone.
            let rows = max(limits.rows, groups[group].requests[0].rows)
            decision.batches.append((replica, take(rows: rows, from: group)))
        }
        if !groups.isEmpty, let deadline = earliestDeadline {
            decision.wakeUp = min(decision.wakeUp ?? deadline, deadline)
        }
        return decision
    }
}

// MARK: - Decisions

extension BatchQueue {
    /// Whether the queue has room. A request is let in however large it is if it is alone: what one request may weigh
    /// is the front end's limit.
    private func admission(requests: Int, bytes: Int) -> Admission {
        if count > 0, count + requests > limits.requests { return .tooManyRequests }
        if count > 0, byteCount + bytes > limits.bytes { return .tooManyBytes }
        return .accepted
    }

    private mutating func insert(_ request: Request) {
        count += 1
        byteCount += request.byteCount
        earliestDeadline = min(earliestDeadline ?? request.deadline, request.deadline)
        guard let index = groups.firstIndex(where: { $0.key == request.key }) else {
            var requests = Deque<QueuedRequest<Payload>>()
            swap(&requests, &spare)
            requests.append(request)
            groups.append(Group(key: request.key, requests: requests))
            return
        }
        // Requests mostly come in the order to run, so the place is looked for from the end.
        var place = groups[index].requests.endIndex
        while place > 0, request.precedes(groups[index].requests[place - 1]) { place -= 1 }
        groups[index].requests.insert(request, at: place)
    }

    private mutating func left(_ request: Request) {
        count -= 1
        byteCount -= request.byteCount
    }

    private mutating func removeIfEmpty(_ index: Int) {
        if groups[index].requests.isEmpty { spare = groups.remove(at: index).requests }
    }

    private mutating func removeExpired(at now: ContinuousClock.Instant) -> [Request] {
        var expired: [Request] = []
        for index in groups.indices.reversed() {
            expired += groups[index].requests.filter { $0.deadline <= now }
            groups[index].requests.removeAll { $0.deadline <= now }
            removeIfEmpty(index)
        }
        for request in expired { left(request) }
        earliestDeadline = groups.lazy.flatMap(\.requests).map(\.deadline).min()
        return expired
    }

    /// The group whose first request precedes those of all other groups that may start now. `wakeUp` becomes the
    /// earliest time at which a group that has to wait may start.
    private func nextGroup(at now: ContinuousClock.Instant, wakeUp: inout ContinuousClock.Instant?) -> Int? {
        var best: Int?
        for index in groups.indices {
            if let start = startTime(of: groups[index]), start > now {
                wakeUp = min(wakeUp ?? start, start)
                continue
            }
            if let other = best, groups[other].requests[0].precedes(groups[index].requests[0]) { continue }
            best = index
        }
        return best
    }

    /// When a group may start although its batch isn't full; `nil` for at once.
    private func startTime(of group: Group) -> ContinuousClock.Instant? {
        guard limits.delay > .zero else { return nil }
        var rows = 0
        var oldest = group.requests[0].arrived
        var deadline = group.requests[0].deadline
        for request in group.requests {
            rows += request.rows
            guard rows < limits.rows else { return nil }
            oldest = min(oldest, request.arrived)
            deadline = min(deadline, request.deadline)
        }
        // Starting at the deadline would be too late, so half of what is left is kept for the run.
        return min(oldest + limits.delay, oldest + (deadline - oldest) / 2)
    }

    /// Takes the first requests of a group that have at most so many rows together.
    private mutating func take(rows limit: Int, from index: Int) -> [Request] {
        var rows = 0
        let batch = Array(
            groups[index].requests.prefix { request in
                rows += request.rows
                return rows <= limit
            })
        groups[index].requests.removeFirst(batch.count)
        for request in batch { left(request) }
        removeIfEmpty(index)
        return batch
    }
}

extension BatchQueue: Sendable where Payload: Sendable {}
extension BatchQueue.Decision: Sendable where Payload: Sendable {}

extension BatchQueue.Group: Sendable where Payload: Sendable {}
