extension DeploymentConfiguration {
    /// What may wait, and how long.
    public struct Queue: Sendable, Hashable {
        /// Requests that may wait. A thousand small ones are seconds of work for a slow model, and no memory to speak of.
        public var maxRequests = 1000
        /// Memory that the inputs of waiting requests may take.
        public var maxBytes = 256 << 20
        /// The deadline of a request that gives none.
        public var defaultTimeout = Duration.seconds(10)
        /// What becomes of a request whose time is over while it waits.
        public var onTimeout = TimeoutAction.reject
        /// What requests may say of their own time.
        public var timeoutOverride = TimeoutOverride.any
        /// Levels of priority that requests may name, from 1, the most urgent. `nil`: any number.
        public var priorities: Int?
        /// The level of a request that names none, or one that there isn't. `nil`: it runs after all that name one.
        public var defaultPriority: Int?
        /// What differs for single levels of priority.
        public var policies: [Int: Policy] = [:]

        /// The defaults.
        public init() {}
    }

    /// What becomes of a request whose time is over while it waits.
    public enum TimeoutAction: String, Sendable, CaseIterable {
        /// It is answered with an error.
        case reject
        /// It runs after those of its level that are in time.
        case delay
    }

    /// What requests may say of their own time.
    public enum TimeoutOverride: String, Sendable, CaseIterable {
        case any, shorter, none
    }

    /// What differs for one level of priority; `nil` is as for the others.
    public struct Policy: Sendable, Hashable {
        /// Requests of this level that may wait.
        public var maxRequests: Int?
        /// The deadline of a request that gives none.
        public var defaultTimeout: Duration?
        /// What becomes of a request whose time is over while it waits.
        public var onTimeout: TimeoutAction?
        /// What requests may say of their own time.
        public var timeoutOverride: TimeoutOverride?

        /// Nothing differs.
        public init() {}
    }
}

extension DeploymentConfiguration.Queue {
    /// What holds for one request while it waits.
    struct Terms {
        var priority: UInt32
        /// How long its caller waits.
        var timeout: Duration
        /// Whether it still runs when that time is over.
        var runsLate: Bool
    }

    /// What holds for a request that says this of itself.
    func terms(of schedule: InferenceSchedule) -> Terms {
        var priority = schedule.priority
        if priority == 0 || priorities.map({ priority > $0 }) == true { priority = UInt32(defaultPriority ?? 0) }
        let policy = policies[Int(priority)]
        let limit = policy?.defaultTimeout ?? defaultTimeout
        let timeout =
            switch policy?.timeoutOverride ?? timeoutOverride {
            case .any: schedule.timeout ?? limit
            case .shorter: min(schedule.timeout ?? limit, limit)
            case .none: limit
            }
        return Terms(
            priority: priority, timeout: timeout, runsLate: (policy?.onTimeout ?? onTimeout) == .delay)
    }
}
