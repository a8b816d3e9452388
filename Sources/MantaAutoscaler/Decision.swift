public import MantaTime

/// A change of the number of replicas, and everything that led to it.
public struct Decision: Sendable, Hashable {
    /// What was known at the time.
    public struct Inputs: Sendable, Hashable, Codable {
        /// Requests running and queued, averaged over the look-back period.
        public var ongoing: Double
        /// Requests queued at the last measurement.
        public var queued: Int
        /// Replicas that were ready.
        public var replicas: Int
        /// The requests that each replica should have, as configured or as the batches in force make it.
        public var targetOngoingRequests: Double
        /// How long the oldest queued request had waited.
        public var queueWait: Duration
        /// How long a request may queue before replicas are added at once.
        public var targetQueueWait: Duration
        /// Requests that arrive in a second, as the scaling down goes by.
        public var arrivalsPerSecond: Double
        /// Requests that one replica can answer in a second; `nil` while no batch has run.
        public var capacityPerSecond: Double?
    }

    /// When.
    public var at: Instant
    /// How many replicas were wanted until then.
    public var from: Int
    /// How many are wanted now.
    public var to: Int
    /// Why, in a sentence with the numbers that mattered.
    public var reason: String
    /// All numbers.
    public var inputs: Inputs

    /// A change, and what led to it.
    public init(at: Instant, from: Int, to: Int, reason: String, inputs: Inputs) {
        (self.at, self.from, self.to, self.reason, self.inputs) = (at, from, to, reason, inputs)
    }
}

/// The last decisions of an autoscaler, oldest first.
public struct DecisionLog: Sendable, Hashable {
    /// How many are kept.
    public static let capacity = 100

    /// Those that are kept, oldest first.
    public private(set) var decisions: [Decision] = []

    /// An empty log.
    public init() {}

    /// Adds a decision and forgets the oldest if there are too many.
    package mutating func append(_ decision: Decision) {
        if decisions.count == Self.capacity { decisions.removeFirst() }
        decisions.append(decision)
    }
}
