public import Logging
import Synchronization

/// What happened, for operators: keeps the last events, hands them to those who follow, and logs each as one line.
///
/// ```swift
/// events.record(.replica, "replica 1 is ready", deployment: "digits-svm", version: 1)
/// for await event in events.follow(after: lastSeen) { try await send(event) }
/// ```
///
/// Any thread may record: it takes a lock for as long as it takes to keep one event, whoever follows.
public final class EventLog: Sendable {
    private struct State {
        var ring: EventRing
        var waiting: [ObjectIdentifier: CheckedContinuation<Void, Never>] = [:]
    }

    /// Somebody who reads, and how far.
    private final class Follower: Sendable {
        let seen: Mutex<UInt64>

        init(after id: UInt64) {
            seen = Mutex(id)
        }
    }

    private let state: Mutex<State>
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    /// An empty log.
    ///
    /// - Parameters:
    ///   - capacity: How many events are kept, at least 1.
    ///   - logger: Takes a line for each event.
    ///   - now: The time of day.
    public init(
        capacity: Int = 1000, logger: Logger, now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) {
        state = Mutex(State(ring: EventRing(capacity: capacity)))
        self.logger = logger
        self.now = now
    }

    /// Keeps an event, wakes those who follow, and logs it at its severity's level.
    ///
    /// - Parameters:
    ///   - kind: What it happened to.
    ///   - message: For people, with names and numbers.
    ///   - deployment: The deployment that it is about, if it is about one.
    ///   - version: The version that it is about, if it is about one.
    ///   - severity: Whether somebody has to look at it.
    /// - Returns: The event.
    @discardableResult
    public func record(
        _ kind: Event.Kind, _ message: String, deployment: String? = nil, version: Int? = nil,
        severity: Event.Severity = .info
    ) -> Event {
        let (event, waiting) = state.withLock { state in
            // The time is taken under the lock, so that it rises with the ids.
            let at = now()
            let event = state.ring.append { id in
                Event(
                    id: id, at: at, kind: kind, deployment: deployment, version: version, severity: severity,
                    message: message)
            }
            defer { state.waiting = [:] }
            return (event, state.waiting)
        }
        for follower in waiting.values { follower.resume() }
        log(event)
        return event
    }

    /// The events that are kept.
    ///
    /// - Parameter id: Only those that came after the event of this id. An id beyond the last is of an earlier process
    ///   and leaves out nothing.
    /// - Returns: The events, oldest first.
    public func events(after id: UInt64? = nil) -> [Event] {
        state.withLock { $0.ring.all(after: id) }
    }

    /// The events that are kept, and then those to come, each once and in order, until the reader's task is
    /// cancelled.
    ///
    /// A reader for whom events are gone, since it was slower than they came or was away too long, gets one event in
    /// their place: a warning of kind `server` that says how many, under the id of the last that is gone. So ids rise
    /// for every reader, and the last one read is always the place to go on from.
    ///
    /// - Parameter id: Begins after the event of this id; with `nil`, at the oldest that is kept. An id beyond the last
    ///   is of an earlier process and counts as `nil`.
    /// - Returns: A stream for one reader. It holds nothing itself: each reader reads what the log keeps.
    public func follow(after id: UInt64? = nil) -> AsyncStream<Event> {
        let follower = Follower(after: state.withLock { $0.ring.place(of: id) })
        return AsyncStream { [self] in await next(for: follower) }
    }

    /// Waits for the reader's next event; `nil` if its task is cancelled.
    private func next(for follower: Follower) async -> Event? {
        let seen = follower.seen.withLock { $0 }
        while true {
            await change(for: follower, after: seen)
            if Task.isCancelled { return nil }
            switch state.withLock({ $0.ring.next(after: seen) }) {
            case .nothing: continue
            case .event(let event): return advance(follower, to: event)
            case .missed(let count, let last): return advance(follower, to: gap(count, last))
            }
        }
    }

    private func advance(_ follower: Follower, to event: Event) -> Event {
        follower.seen.withLock { $0 = event.id }
        return event
    }

    /// Returns once there is something after this event, or the task is cancelled. Looking and beginning to wait are one
    /// step, so that nothing can come in between unnoticed.
    private func change(for follower: Follower, after seen: UInt64) async {
        let key = ObjectIdentifier(follower)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    // A task that was cancelled before has called its handler already.
                    if Task.isCancelled || state.ring.next(after: seen) != .nothing { return true }
                    state.waiting[key] = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: key) }?.resume()
        }
    }

    private func gap(_ count: UInt64, _ last: UInt64) -> Event {
        Event(
            id: last, at: now(), kind: .server, deployment: nil, version: nil, severity: .warning,
            message: "\(count) \(count == 1 ? "event is" : "events are") no longer kept, and missing here")
    }

    private func log(_ event: Event) {
        var metadata: Logger.Metadata = ["event.id": "\(event.id)", "kind": "\(event.kind.rawValue)"]
        metadata["what"] = "\(event.message)"
        if let deployment = event.deployment { metadata["model"] = "\(deployment)" }
        if let version = event.version { metadata["version"] = "\(version)" }
        logger.log(level: event.severity.level, "Event", metadata: metadata)
    }
}

extension Event.Severity {
    /// How it is logged.
    fileprivate var level: Logger.Level {
        switch self {
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
