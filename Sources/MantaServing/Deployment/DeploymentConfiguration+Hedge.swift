extension DeploymentConfiguration {
    /// When a batch that is slow to be answered is sent to a second server, whose answer may come first.
    public struct Hedge: Sendable, Hashable {
        /// A batch is slow if so many percent of those of about as many rows took less.
        public var afterPercentile = 95.0
        /// Batches that may be sent twice, as a share of all: as much more work as that at most.
        public var budget = 0.02

        /// The defaults.
        public init() {}
    }
}
