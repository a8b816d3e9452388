/// Replicas that somebody wants: all of one group, and so all alike.
package struct Demand: Sendable, Hashable {
    /// What they belong to, such as one version of a deployment. One demand for each group.
    package let group: String
    /// How many are wanted.
    package var count: Int
    /// What each of them needs.
    package var resources: Resources
    /// Labels that their nodes must have.
    package var required: [String: String]
    /// Labels that their nodes should have: a node that has more of them comes before one that has fewer.
    package var preferred: [String: String]

    /// A demand.
    package init(
        group: String, count: Int, resources: Resources, required: [String: String] = [:],
        preferred: [String: String] = [:]
    ) {
        self.group = group
        self.count = count
        self.resources = resources
        self.required = required
        self.preferred = preferred
    }
}
