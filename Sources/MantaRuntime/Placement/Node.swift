/// A process that hosts replicas, as it described itself.
package struct Node: Sendable, Hashable {
    /// Whether replicas may be on it.
    package enum State: Sendable, Hashable {
        /// Takes replicas. Becomes draining when it is told to leave, gone when it dies.
        case ready
        /// Takes no more replicas, and those it has leave as soon as others replace them. Becomes gone when it ends,
        /// ready when it is told to stay after all.
        case draining
        /// Isn't there any more.
        case gone
    }

    /// Its name, for as long as it lives; one that starts again has another.
    package let id: String
    /// Where it is reached: `host:port`.
    package var address: String
    /// What it has, whoever uses it. Draining doesn't change it.
    package var capacity: Resources
    /// What an operator says about it: `zone` is `eu`.
    package var labels: [String: String]
    /// Whether replicas may be on it.
    package var state: State

    /// A node.
    package init(
        id: String, address: String, capacity: Resources, labels: [String: String] = [:], state: State = .ready
    ) {
        self.id = id
        self.address = address
        self.capacity = capacity
        self.labels = labels
        self.state = state
    }
}
