extension DeploymentConfiguration {
    /// How answers are kept for requests that are asked again.
    public struct ResponseCache: Sendable, Hashable {
        /// Memory that they may take, with what was asked. Of small answers that is many thousands.
        public var maxBytes = 64 << 20
        /// How long one is good for. `nil`: as long as the version, since a model answers alike each time.
        public var timeToLive: Duration?

        /// The defaults.
        public init() {}
    }
}
