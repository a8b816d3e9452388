package import MantaTime

/// When leases end. A value.
package struct LeaseBook {
    private struct Page {
        let timeToLive: Duration
        var deadline: Instant
    }

    private var pages: [LeaseID: Page] = [:]

    /// No leases yet.
    package init() {}

    /// Leases begin to live now.
    package mutating func add(_ lease: Lease, at now: Instant) {
        pages[lease.id] = Page(timeToLive: lease.timeToLive, deadline: now + lease.timeToLive)
    }

    /// A lease has ended.
    package mutating func remove(_ lease: LeaseID) {
        pages[lease] = nil
    }

    /// When a lease ends; `nil` if it has been removed.
    package func deadline(of lease: LeaseID) -> Instant? {
        pages[lease]?.deadline
    }

    /// Whether a lease lives. Once its deadline has passed it never will again.
    package func isAlive(_ lease: LeaseID, at now: Instant) -> Bool {
        pages[lease].map { now < $0.deadline } ?? false
    }

    /// A lease lives for its whole time again, which is returned; `nil` if it has ended.
    package mutating func keepAlive(_ lease: LeaseID, at now: Instant) -> Duration? {
        guard isAlive(lease, at: now), let timeToLive = pages[lease]?.timeToLive else { return nil }
        pages[lease]?.deadline = now + timeToLive
        return timeToLive
    }
}
