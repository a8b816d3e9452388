public import MantaTime
import Synchronization

/// What came to a ``Batcher``. The numbers only grow: whoever wants rates takes differences.
public struct BatcherCounts: Sendable, Hashable {
    /// Requests, parts of large ones each counted, refused or not.
    public private(set) var requests = 0
    /// Those of them that were refused since the queue was full.
    public private(set) var refused = 0
    /// Their rows, at least one each.
    public private(set) var rows = 0

    /// Nothing yet.
    public init() {}

    mutating func add(parts: Int, rows newRows: Int, _ isAccepted: Bool) {
        requests += parts
        rows += max(parts, newRows)
        if !isAccepted { refused += parts }
    }
}

/// A ``BatchQueue`` at work: it hands batches to the replicas that ask, and wakes up when time makes a difference.
///
/// ```swift
/// switch batcher.submit(request) { case .accepted: … }      // from any thread
/// while let batch = await batcher.next(for: 1) { run(batch) }  // a replica's loop
/// ```
public final class Batcher<Payload: Sendable>: Sendable {
    /// A request in the queue.
    public typealias Request = QueuedRequest<Payload>

    private struct State: Sendable {
        var queue: BatchQueue<Payload>
        var sizer: BatchSizer
        /// Replicas that wait in ``Batcher/next(for:)``. The same that are idle in the queue.
        var waiting: [Int: CheckedContinuation<[Request]?, Never>] = [:]
        /// Replicas that are to end when they ask next.
        var retired: Set<Int> = []
        /// Replicas that wait, and are lent to whoever does something else with them meanwhile. They aren't idle.
        var lent: [Int: TakerRank] = [:]
        /// Replicas that have asked and haven't ended.
        var serving: Set<Int> = []
        var alarm: (time: Instant, task: Task<Void, Never>)?
        var isClosed = false
        var isAbandoned = false
        var counts = BatcherCounts()
        var batchesSincePace = 0
    }

    /// After so many batches what is expected of the next ones is worked out again.
    private static var paceInterval: Int { 8 }

    private let state: Mutex<State>
    private let time: any TimeSource
    private let expire: @Sendable (Request) -> Void

    /// An empty queue.
    ///
    /// - Parameters:
    ///   - limits: Its bounds. `rows` is the most that a batch may ever have.
    ///   - objective: The 99th percentile of latency to keep, if there is one.
    ///   - time: The clock.
    ///   - expire: Answers a request whose deadline has passed. Called on any thread.
    public init(
        limits: BatchLimits, objective: Duration? = nil, time: any TimeSource = MachineTime(),
        expire: @escaping @Sendable (Request) -> Void
    ) {
        let fixed =
            !limits.isShared
            ? "requests run alone"
            : limits.preferred.isEmpty ? nil : "the configured maximum, since sizes are preferred"
        // Who waits for full batches wants them from the start.
        let sizer = BatchSizer(
            maxRows: limits.rows, objective: objective, fixed: fixed, startRows: limits.delay > .zero ? limits.rows : 1)
        var limits = limits
        limits.rows = sizer.choice.rows
        state = Mutex(State(queue: BatchQueue(limits: limits), sizer: sizer))
        self.time = time
        self.expire = expire
    }

    /// Requests that wait.
    public var count: Int { state.withLock { $0.queue.count } }

    /// When the request came that has waited longest.
    public var oldestArrival: Instant? { state.withLock { $0.queue.oldestArrival } }

    /// What came in so far.
    public var counts: BatcherCounts { state.withLock { $0.counts } }

    /// What was learned of the cost of batches, and the size in force.
    public var sizer: BatchSizer { state.withLock { $0.sizer } }

    /// Batches may begin with so many rows, however little is known of what they cost.
    public func begin(with rows: Int) {
        state.withLock { state in
            state.sizer.begin(with: rows)
            state.queue.limits.rows = state.sizer.choice.rows
        }
    }

    /// Batches cost something else from now on.
    ///
    /// - Parameter sizer: What is known of that; `nil` if nothing is.
    /// - Returns: What was learned until now.
    public func exchange(_ sizer: BatchSizer?) -> BatchSizer {
        state.withLock { state in
            let old = state.sizer
            state.sizer = sizer ?? old.anew()
            state.queue.limits.rows = state.sizer.choice.rows
            (state.queue.pace, state.batchesSincePace) = (nil, 0)
            return old
        }
    }

    /// A request wants in.
    ///
    /// - Returns: `nil` if the queue is closed.
    public func submit(_ request: Request) -> BatchQueue<Payload>.Admission? {
        decide { state, now in
            guard !state.isClosed else { return (nil, .init()) }
            let (admission, decision) = state.queue.admit(request, at: now)
            state.counts.add(parts: 1, rows: request.rows, admission == .accepted)
            return (admission, decision)
        }
    }

    /// A request that was cut in parts wants in.
    ///
    /// - Returns: `nil` if the queue is closed.
    public func submit(parts: [Request]) -> BatchQueue<Payload>.Admission? {
        decide { state, now in
            guard !state.isClosed else { return (nil, .init()) }
            let (admission, decision) = state.queue.admit(parts: parts, at: now)
            state.counts.add(parts: parts.count, rows: parts.reduce(0) { $0 + $1.rows }, admission == .accepted)
            return (admission, decision)
        }
    }

    /// The caller of these requests has gone. Returns those that still waited; they won't run.
    public func cancel(_ ids: some Sequence<UInt64>) -> [Request] {
        state.withLock { state in ids.compactMap { state.queue.cancel($0) } }
    }

    /// Waits for the next batch of a replica.
    ///
    /// - Parameters:
    ///   - replica: The replica.
    ///   - rank: Which of several that wait gets one.
    /// - Returns: One or more requests of one key, or `nil` when the replica is to end.
    public func next(for replica: Int, as rank: TakerRank = .here) async -> [Request]? {
        await withCheckedContinuation { continuation in
            let ends = decide { state, now in
                if Self.ends(replica, &state) { return (true, .init()) }
                state.serving.insert(replica)
                state.waiting[replica] = continuation
                return (false, state.queue.offer(replica: replica, as: rank, at: now))
            }
            if ends { continuation.resume(returning: nil) }
        }
    }

    /// Lends a replica that waits in ``next(for:as:)``, not as a spare one: it is handed nothing until ``giveBack(_:)``.
    ///
    /// - Parameter replicas: Those that will do.
    /// - Returns: The one; `nil` if none of them waits.
    package func borrow(oneOf replicas: some Sequence<Int>) -> Int? {
        state.withLock { state in
            for replica in replicas {
                guard let rank = state.queue.rank(of: replica), rank != .spare else { continue }
                _ = state.queue.withdraw(replica: replica)
                state.lent[replica] = rank
                return replica
            }
            return nil
        }
    }

    /// A replica that was lent asks for work again, or ends if it is to.
    package func giveBack(_ replica: Int) {
        let ending = decide { state, now -> (CheckedContinuation<[Request]?, Never>?, BatchQueue<Payload>.Decision) in
            guard let rank = state.lent.removeValue(forKey: replica) else { return (nil, .init()) }
            if Self.ends(replica, &state) { return (state.waiting.removeValue(forKey: replica), .init()) }
            return (nil, state.queue.offer(replica: replica, as: rank, at: now))
        }
        ending?.resume(returning: nil)
    }

    /// Adds to a batch that is about to run what has come since it was formed.
    public func fill(_ batch: inout [Request], for replica: Int) {
        batch = decide { [batch] state, now in
            var batch = batch
            let decision = state.queue.fill(&batch, for: replica, at: now)
            return (batch, decision)
        }
    }

    /// Requests of a batch that couldn't be run wait again, for another replica, also if the batcher is closed.
    ///
    /// - Returns: Those that nobody will run, since all was abandoned.
    public func putBack(_ requests: [Request]) -> [Request] {
        decide { state, now in
            if state.isAbandoned { return (requests, .init()) }
            return ([], state.queue.putBack(requests, at: now))
        }
    }

    /// Makes a replica's ``next(for:)`` return `nil`, once its present batch is done.
    public func retire(_ replica: Int) {
        let waiting = state.withLock { state in
            // One that is lent ends once it is given back.
            if state.lent[replica] != nil {
                state.retired.insert(replica)
                return CheckedContinuation<[Request]?, Never>?.none
            }
            if state.queue.withdraw(replica: replica) {
                state.serving.remove(replica)
            } else {
                state.retired.insert(replica)
            }
            return state.waiting.removeValue(forKey: replica)
        }
        waiting?.resume(returning: nil)
    }

    /// A batch of `rows` took `time`; the size in force follows, and what is expected of those that wait.
    public func finished(rows: Int, time: Duration) {
        state.withLock { state in
            if state.sizer.record(rows: rows, time: time) { state.queue.limits.rows = state.sizer.choice.rows }
            state.queue.pace?.ran(rows: rows, time: time)
            state.batchesSincePace += 1
            guard state.batchesSincePace >= Self.paceInterval else { return }
            state.batchesSincePace = 0
            let pace = BatchPace(state.sizer.curve, rows: state.queue.limits.rows, replicas: state.serving.count)
            state.queue.pace = pace.map { state.queue.pace?.relearned($0) ?? $0 }
        }
    }

    /// Lets nobody in any more. What waits still runs, at once; then the replicas' loops end.
    public func close() {
        decide { state, now in
            state.isClosed = true
            state.queue.limits.delay = .zero
            return ((), state.queue.advance(to: now))
        }
        // Replicas that still wait have found the queue empty.
        let (waiting, alarm) = state.withLock { state in
            for replica in state.waiting.keys { _ = state.queue.withdraw(replica: replica) }
            let alarm = state.queue.count == 0 ? state.alarm : nil
            // What comes back later has its own.
            if alarm != nil { state.alarm = nil }
            let waiting = state.waiting.filter { state.lent[$0.key] == nil }
            for replica in waiting.keys { state.waiting[replica] = nil }
            return (waiting, alarm)
        }
        alarm?.task.cancel()
        for continuation in waiting.values { continuation.resume(returning: nil) }
    }

    /// Closes, and hands back what waits instead of running it.
    public func abandon() -> [Request] {
        let requests = state.withLock { state in
            (state.isClosed, state.isAbandoned) = (true, true)
            return state.queue.removeAll()
        }
        close()
        return requests
    }

    /// Whether a replica that asks for work is to end; if so, it has.
    private static func ends(_ replica: Int, _ state: inout State) -> Bool {
        guard state.retired.remove(replica) != nil || state.isClosed && state.queue.count == 0 else { return false }
        state.serving.remove(replica)
        state.queue.forget(replica: replica)
        return true
    }

    // MARK: - Acting

    /// Decides with the lock held, then acts without it.
    private func decide<Result: Sendable>(
        _ body: (inout sending State, Instant) -> (Result, BatchQueue<Payload>.Decision)
    ) -> Result {
        let now = time.now
        let (result, batches, expired) = state.withLock { state in
            let (result, decision) = body(&state, now)
            if let time = decision.wakeUp { setAlarm(at: time, in: &state) }
            let batches = decision.batches.map { (state.waiting.removeValue(forKey: $0.replica), $0.requests) }
            return (result, batches, decision.expired)
        }
        for (replica, requests) in batches { replica?.resume(returning: requests) }
        for request in expired { expire(request) }
        return result
    }

    /// An alarm that is set for earlier stays: it costs one look at the queue and is then set anew.
    private func setAlarm(at deadline: Instant, in state: inout State) {
        if let alarm = state.alarm, alarm.time <= deadline { return }
        state.alarm?.task.cancel()
        let task = Task { [weak self, time] in
            guard (try? await time.sleep(until: deadline)) != nil else { return }
            self?.rang(deadline)
        }
        state.alarm = (deadline, task)
    }

    private func rang(_ alarm: Instant) {
        decide { state, now in
            if state.alarm?.time == alarm { state.alarm = nil }
            return ((), state.queue.advance(to: now))
        }
    }
}
