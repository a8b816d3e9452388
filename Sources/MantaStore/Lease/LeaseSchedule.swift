import MantaTime

/// When a lease is granted and renewed, and what follows from how that went. A value.
///
/// A third of its time after it was asked for, a lease is renewed; after a failure at half of what is left, so that there
/// are several tries before it ends. One that should have ended by our clock is given up but asked for on: the store
/// may have let it live, as etcd does when its leader changes.
struct LeaseSchedule {
    /// What is to be done.
    enum Step: Equatable {
        /// Ask for a lease.
        case grant
        /// Keep the lease alive.
        case renew(LeaseID)
        /// Hold the lease for ended.
        case giveUp(LeaseID)
        /// Nothing until then.
        case wait(until: Instant)
    }

    private enum State {
        /// There is none. Becomes held when one is granted.
        case none(failures: Int, retry: Instant?)
        /// It lives. Becomes overdue when its time is over, none when the store says so.
        case held(Lease, deadline: Instant, renewal: Instant)
        /// It may have ended. Becomes held when it is renewed after all, none when the store says so.
        case overdue(Lease, renewal: Instant)
    }

    private static let firstDelay = Duration.milliseconds(250)
    private static let shortestDelay = Duration.milliseconds(100)

    private let timeToLive: Duration
    private var state = State.none(failures: 0, retry: nil)

    /// No lease yet; one that lives for so long is wanted.
    init(timeToLive: Duration) {
        self.timeToLive = timeToLive
    }

    /// When the lease has ended if it isn't renewed; `nil` if there is none that lives.
    var deadline: Instant? {
        guard case .held(_, let deadline, _) = state else { return nil }
        return deadline
    }

    /// What to do now.
    mutating func step(at now: Instant) -> Step {
        switch state {
        case .none(_, let retry):
            guard let retry, now < retry else { return .grant }
            return .wait(until: retry)
        case .held(let lease, let deadline, let renewal):
            guard now < deadline else {
                state = .overdue(lease, renewal: now)
                return .giveUp(lease.id)
            }
            return now < renewal ? .wait(until: min(renewal, deadline)) : .renew(lease.id)
        case .overdue(let lease, let renewal):
            return now < renewal ? .wait(until: renewal) : .renew(lease.id)
        }
    }

    /// A lease was granted that was asked for at `sent`.
    ///
    /// - Parameters:
    ///   - lease: The lease.
    ///   - sent: From then on its time is counted: the store began later.
    ///   - jitter: From 0 to 1, by chance, so that not all renew at once.
    mutating func granted(_ lease: Lease, sent: Instant, jitter: Double) {
        let wait = lease.timeToLive / 3 * (0.9 + 0.2 * jitter)
        state = .held(lease, deadline: sent + lease.timeToLive, renewal: sent + wait)
    }

    /// The lease was renewed for so long, as was asked for at `sent`. Returns it if it had been given up.
    mutating func renewed(_ timeToLive: Duration, sent: Instant, jitter: Double) -> Lease? {
        switch state {
        case .none: return nil
        case .held(var lease, _, _):
            lease.timeToLive = timeToLive
            granted(lease, sent: sent, jitter: jitter)
            return nil
        case .overdue(var lease, _):
            lease.timeToLive = timeToLive
            granted(lease, sent: sent, jitter: jitter)
            return lease
        }
    }

    /// The store couldn't be asked.
    mutating func failed(at now: Instant, jitter: Double) {
        switch state {
        case .none(let failures, _):
            let delay = min(timeToLive / 3, Self.firstDelay * (1 << min(failures, 10)))
            state = .none(failures: failures + 1, retry: now + delay * (0.5 + 0.5 * jitter))
        case .held(let lease, let deadline, _):
            let renewal = now + max((deadline - now) / 2, Self.shortestDelay)
            state = .held(lease, deadline: deadline, renewal: renewal)
        case .overdue(let lease, _):
            state = .overdue(lease, renewal: now + max(timeToLive / 15, Self.shortestDelay))
        }
    }

    /// The store says that the lease has ended.
    mutating func lost() {
        state = .none(failures: 0, retry: nil)
    }
}
