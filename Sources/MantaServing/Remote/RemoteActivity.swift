public import MantaCore
public import MantaTime

/// Something that operators want to know of a replica on another server.
package struct RemoteReport: Sendable, Equatable {
    package var message: String
    package var isProblem: Bool
}

/// What a replica on another server has done and does now.
public struct RemoteActivity: Sendable, Hashable {
    /// Where it is.
    public let address: RemoteAddress
    /// How many replicas there are, if somebody said so: one server may have several.
    public internal(set) var replicas: Int?
    /// Whether it is given batches, be it one to prove itself.
    public internal(set) var isIn = false
    /// Why it isn't, and since when.
    public internal(set) var outage: Outage?
    /// When it was put in, or was first known.
    public internal(set) var changedAt: Instant
    /// Requests in the batches that it runs.
    public internal(set) var ongoing = 0
    /// Batches that it has run.
    public internal(set) var batches = 0
    /// How often it was taken out.
    public internal(set) var outages = 0

    /// Why a replica is given no batches.
    public struct Outage: Sendable, Hashable {
        /// What was wrong last.
        public var reason: String
        /// Since when it is out.
        public var since: Instant
    }

    init(address: RemoteAddress, at now: Instant) {
        (self.address, changedAt) = (address, now)
    }
}
