import DequeModule
public import MantaTime

/// Requests that wait for a replica, and replicas that wait for requests. A value that decides and does nothing.
///
/// Work-conserving: a replica that has nothing to do takes at once what waits, up to the batch size in force and its part
/// of all that waits and runs. While all replicas are busy, waiting requests become the next batch. With a
/// ``BatchLimits/delay``, a replica that could start a batch that isn't full waits until its first request has waited that
/// long, but never past a deadline. With ``BatchLimits/preferred`` sizes the largest of them that can be formed starts at
/// once.
///
/// The order is priority, then deadline, then arrival. The first request in that order decides which key runs next, and
/// those of the same key follow it into the batch in that order. A request past its deadline is never handed out, unless
/// it ``QueuedRequest/runsLate``: then it steps back behind those of its priority that are in time.
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
        public var wakeUp: Instant?
    }

    /// Whether a request got in.
    public enum Admission: Sendable, Equatable {
        case accepted
        /// As many requests wait as may.
        case tooManyRequests
        /// As many requests of this priority wait as may.
        case tooManyOfPriority(UInt32)
        /// The inputs of waiting requests take as much memory as they may.
        case tooManyBytes
        /// It couldn't be answered before its deadline: that is expected to take so long.
        case tooLate(Duration)
    }

    /// The bounds in force. A change holds from the next event on.
    public var limits: BatchLimits
    /// How fast batches run, as far as that is known. With it, what can't be answered in time isn't let in and isn't run.
    public var pace: BatchPace?
    /// How many requests wait.
    public private(set) var count = 0
    /// How many rows wait.
    private var rowCount = 0
    /// How many bytes the inputs of waiting requests take.
    public private(set) var byteCount = 0
    /// When the request came that has waited longest. Looks at all that wait.
    public var oldestArrival: Instant? { groups.lazy.flatMap(\.requests).map(\.arrived).min() }
    /// One list for each key, in the order to run. None is empty.
    private var groups: [Group] = []
    /// The list of a group that has become empty, for the next one: under light load there is one for each request.
    private var spare = Deque<QueuedRequest<Payload>>()
    /// Replicas with nothing to do, those of the highest rank last and taken first. Of one rank it is the one that was busy
    /// last: its caches are warm.
    private var idle: [(replica: Int, rank: TakerRank)] = []
    /// What those do that aren't idle.
    private var running: [Int: Run] = [:]
    /// How many rows run.
    private var runningRowCount = 0
    /// No deadline in the queue is earlier than this.
    private var earliestDeadline: Instant?
    /// How many requests wait of each priority that is bounded for itself.
    private var countsOfPriority: [UInt32: Int] = [:]

    private struct Run {
        let rows: Int
        /// When it is expected to end, where that is known.
        let end: Instant?
    }

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
    public mutating func admit(_ request: Request, at now: Instant) -> (Admission, Decision) {
        let admission = admission(of: request, requests: 1, rows: request.rows, bytes: request.byteCount, at: now)
        guard admission == .accepted else { return (admission, advance(to: now)) }
        insert(request)
        return (.accepted, advance(to: now))
    }

    /// The parts of a request that is larger than a batch want in: all get in or none.
    public mutating func admit(parts: [Request], at now: Instant) -> (Admission, Decision) {
        let admission = admission(
            of: parts[0], requests: parts.count, rows: parts.reduce(0) { $0 + $1.rows },
            bytes: parts.reduce(0) { $0 + $1.byteCount }, at: now)
        guard admission == .accepted else { return (admission, advance(to: now)) }
        for part in parts { insert(part) }
        return (.accepted, advance(to: now))
    }

    /// Requests that were taken out to run, and didn't, wait again where they waited before, however full it is.
    public mutating func putBack(_ requests: [Request], at now: Instant) -> Decision {
        for request in requests { insert(request) }
        return advance(to: now)
    }

    /// A replica has nothing to do and asks for work.
    public mutating func offer(replica: Int, as rank: TakerRank = .here, at now: Instant) -> Decision {
        precondition(!idle.contains { $0.replica == replica }, "replica \(replica) is idle already")
        var place = idle.endIndex
        while place > 0, idle[place - 1].rank > rank { place -= 1 }
        idle.insert((replica, rank), at: place)
        forget(replica: replica)
        return advance(to: now)
    }

    /// A replica is about to run the batch that it was given. Adds what has come since and fits: a thread that had to be
    /// woken up first finds its batch fuller.
    public mutating func fill(_ batch: inout [Request], for replica: Int, at now: Instant) -> Decision {
        var decision = advance(to: now)
        // What was formed to be of a certain size, or of one request, stays so.
        guard limits.isShared, limits.preferred.isEmpty else { return decision }
        guard let key = batch.first?.key, let index = groups.firstIndex(where: { $0.key == key }) else {
            return decision
        }
        let formed = batch.reduce(0) { $0 + $1.rows }
        let rows = share(of: batchRows(for: batch[0]), waiting: formed + rowCount)
        _ = dropHopeless(from: index, rows: rows, at: now, &decision.expired)
        batch += take(rows: rows - formed, from: index)
        forget(replica: replica)
        runs(batch, on: replica, at: now)
        return decision
    }

    /// A replica no longer asks for work. Returns false if it wasn't idle.
    public mutating func withdraw(replica: Int) -> Bool {
        guard let index = idle.firstIndex(where: { $0.replica == replica }) else { return false }
        idle.remove(at: index)
        return true
    }

    /// As what a replica asks for work; `nil` if it doesn't.
    func rank(of replica: Int) -> TakerRank? { idle.first { $0.replica == replica }?.rank }

    /// A replica has ended: its last run needn't be waited for.
    public mutating func forget(replica: Int) {
        guard let run = running.removeValue(forKey: replica) else { return }
        runningRowCount -= run.rows
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
            (count, rowCount, byteCount, earliestDeadline, countsOfPriority) = (0, 0, 0, nil, [:])
        }
        return groups.flatMap(\.requests)
    }

    /// Time has passed.
    public mutating func advance(to now: Instant) -> Decision {
        var decision = Decision()
        if let deadline = earliestDeadline, deadline <= now { decision.expired = removeExpired(at: now) }
        while !groups.isEmpty, let replica = idle.last?.replica {
            guard let (group, rows) = nextGroup(at: now, wakeUp: &decision.wakeUp) else { break }
            // What is left may start otherwise.
            if dropHopeless(from: group, rows: rows, at: now, &decision.expired) { continue }
            idle.removeLast()
            let batch = take(rows: rows, from: group)
            runs(batch, on: replica, at: now)
            decision.batches.append((replica, batch))
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
    private func admission(
        of request: Request, requests: Int, rows: Int, bytes: Int, at now: Instant
    ) -> Admission {
        if count > 0, count + requests > limits.requests { return .tooManyRequests }
        if count > 0, byteCount + bytes > limits.bytes { return .tooManyBytes }
        if let bound = limits.requestsOfPriority[request.priority],
            let waiting = countsOfPriority[request.priority], waiting > 0, waiting + requests > bound
        {
            return .tooManyOfPriority(request.priority)
        }
        // Whoever finds nobody waiting gets in: what was learned may no longer hold, and isn't learned anew from refusals.
        guard let pace, count > 0, idle.isEmpty, !request.runsLate else { return .accepted }
        let free = max(now, firstEnd ?? now)
        let batch = batchRows(for: request)
        // Where two batches of its key wait, others have come faster than they ran, and will fill up its own.
        let crowd = 2 * batch / max(rows, 1)
        let isCrowded = count >= crowd && groups.first { $0.key == request.key }?.requests.count ?? 0 >= crowd
        func answer(after waiting: (requests: Int, rows: Int)) -> Duration {
            guard limits.isShared else {
                return free - now
                    + pace.run(rows: request.rows).scaled(by: Double(waiting.requests) / Double(pace.replicas) + 2)
            }
            return free - now + pace.answer(after: waiting.rows, rows: rows, batch: batch, isCrowded: isCrowded)
        }
        let left = request.deadline - now
        if answer(after: (count, rowCount)) <= left { return .accepted }
        let expected = answer(after: waiting(before: request))
        return expected <= left ? .accepted : .tooLate(expected)
    }

    /// The most rows of a batch that begins with a request. Its run takes at most half of the time that the request has in
    /// all, since it may have to wait for another run to end.
    private func batchRows(for request: Request) -> Int {
        guard let pace, !request.runsLate else { return limits.rows }
        return min(limits.rows, pace.rows(within: (request.deadline - request.arrived).scaled(by: 0.5)))
    }

    /// What runs before a request that isn't in the queue.
    private func waiting(before request: Request) -> (requests: Int, rows: Int) {
        var (requests, rows) = (count, rowCount)
        // Most come before it, and those that don't are the last of their groups.
        for group in groups {
            for other in group.requests.reversed() {
                if other.precedes(request) { break }
                requests -= 1
                rows -= other.rows
            }
        }
        return (requests, rows)
    }

    /// The most rows of a batch that is formed now, of `most` that it may have: a replica's part of all that waits and runs,
    /// if batches of that size cost no more by the row. One that took more would leave the others with nothing to do, or
    /// with batches too small to be worth a run. Who waits for fuller batches wants them as they are.
    private func share(of most: Int, waiting: Int) -> Int {
        guard let pace, limits.delay == .zero, limits.preferred.isEmpty else { return most }
        let replicas = max(idle.count + running.count, 1)
        let share = (rowCount + runningRowCount + replicas - 1) / replicas
        let whole = min(most, waiting)
        return share < whole && pace.timeOfRow(in: share) <= pace.timeOfRow(in: whole).scaled(by: 1.05) ? share : most
    }

    /// When the first of those that run is expected to end. (A lazy chain of key paths costs more than all else here.)
    private var firstEnd: Instant? {
        var first: Instant?
        for run in running.values {
            guard let end = run.end else { continue }
            first = min(first ?? end, end)
        }
        return first
    }

    private mutating func runs(_ batch: [Request], on replica: Int, at now: Instant) {
        let rows = batch.reduce(0) { $0 + $1.rows }
        running[replica] = Run(rows: rows, end: pace.map { now + $0.run(rows: rows) })
        runningRowCount += rows
    }

    private mutating func insert(_ request: Request) {
        count += 1
        rowCount += request.rows
        byteCount += request.byteCount
        if !limits.requestsOfPriority.isEmpty { countsOfPriority[request.priority, default: 0] += 1 }
        earliestDeadline = min(earliestDeadline ?? request.deadline, request.deadline)
        guard let index = groups.firstIndex(where: { $0.key == request.key }) else {
            var requests = Deque<QueuedRequest<Payload>>()
            swap(&requests, &spare)
            requests.append(request)
            groups.append(Group(key: request.key, requests: requests))
            return
        }
        place(request, in: index)
    }

    /// Requests mostly come in the order to run, so the place is looked for from the end.
    private mutating func place(_ request: Request, in index: Int) {
        var place = groups[index].requests.endIndex
        while place > 0, request.precedes(groups[index].requests[place - 1]) { place -= 1 }
        groups[index].requests.insert(request, at: place)
    }

    private mutating func left(_ request: Request) {
        count -= 1
        rowCount -= request.rows
        byteCount -= request.byteCount
        if !limits.requestsOfPriority.isEmpty { countsOfPriority[request.priority, default: 1] -= 1 }
    }

    private mutating func removeIfEmpty(_ index: Int) {
        if groups[index].requests.isEmpty { spare = groups.remove(at: index).requests }
    }

    /// Those whose deadline has passed; those of them that run late stay, behind the others.
    private mutating func removeExpired(at now: Instant) -> [Request] {
        var expired: [Request] = []
        for index in groups.indices.reversed() {
            var late: [Request] = []
            groups[index].requests.removeAll { request in
                guard request.deadline <= now, !request.isLate else { return false }
                if request.runsLate { late.append(request) } else { expired.append(request) }
                return true
            }
            for var request in late {
                request.isLate = true
                place(request, in: index)
            }
            removeIfEmpty(index)
        }
        for request in expired { left(request) }
        earliestDeadline = groups.lazy.flatMap(\.requests).filter { !$0.isLate }.map(\.deadline).min()
        return expired
    }

    /// The group whose first request precedes those of all other groups that may start now, and the rows to start it
    /// with. `wakeUp` becomes the earliest time at which a group that has to wait may start.
    private func nextGroup(
        at now: Instant, wakeUp: inout Instant?
    ) -> (index: Int, rows: Int)? {
        var best: (index: Int, rows: Int)?
        for index in groups.indices {
            switch start(of: groups[index], at: now) {
            case .later(let time): wakeUp = min(wakeUp ?? time, time)
            case .now(let rows):
                if let best, groups[best.index].requests[0].precedes(groups[index].requests[0]) { continue }
                best = (index, rows)
            }
        }
        return best
    }

    /// When a group starts, and with how many rows at most.
    private enum Start {
        case now(rows: Int)
        case later(Instant)
    }

    private func start(of group: Group, at now: Instant) -> Start {
        guard limits.isShared else { return .now(rows: group.requests[0].rows) }
        // A request of more rows than a batch may have runs alone.
        let most = max(batchRows(for: group.requests[0]), group.requests[0].rows)
        if limits.delay == .zero && limits.preferred.isEmpty {
            return .now(rows: max(share(of: most, waiting: rowCount), group.requests[0].rows))
        }
        var (rows, preferred, isFull) = (0, 0, false)
        var oldest = group.requests[0].arrived
        var deadline: Instant?
        for request in group.requests {
            guard rows + request.rows <= most else {
                isFull = true
                break
            }
            rows += request.rows
            if limits.preferred.contains(rows) { preferred = rows }
            oldest = min(oldest, request.arrived)
            if !request.isLate { deadline = min(deadline ?? request.deadline, request.deadline) }
        }
        // Starting at the deadline would be too late, so half of what is left is kept for the run.
        var due = oldest + limits.delay
        if let deadline {
            due = min(due, oldest + (deadline - oldest) / 2)
            // Somewhat earlier than needed, since clocks and runs aren't that exact.
            if let pace { due = min(due, deadline - pace.run(rows: most).scaled(by: 1.25)) }
        }
        let isDue = limits.delay == .zero || due <= now
        if preferred > 0, !isDue || limits.delay == .zero { return .now(rows: preferred) }
        // Beyond the largest of the preferred sizes there is nothing to wait for.
        let enough = min(most, limits.preferred.max() ?? most)
        return isFull || rows >= enough || isDue ? .now(rows: most) : .later(due)
    }

    /// Moves requests that a run of so many rows could no longer answer in time from the front of a group to `expired`.
    /// The last one stays, since what was learned may no longer hold. Returns true if any were moved.
    private mutating func dropHopeless(
        from index: Int, rows: Int, at now: Instant, _ expired: inout [Request]
    ) -> Bool {
        guard let pace else { return false }
        let end = now + pace.run(rows: min(rows, groups[index].requests.count))
        var isAny = false
        while groups[index].requests.count > 1, let first = groups[index].requests.first, !first.runsLate,
            first.deadline < end
        {
            groups[index].requests.removeFirst()
            left(first)
            expired.append(first)
            isAny = true
        }
        return isAny
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
