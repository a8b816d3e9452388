import MantaRuntime

/// What is wanted of a deployment, and what stays of the one before until that serves.
package struct DeploymentRecord: Codable, Sendable, Equatable {
    /// What each replica needs of its node.
    struct Needs: Codable, Sendable, Equatable {
        /// In thousandths.
        var cpus: Int
        /// In bytes.
        var memory = 0
        /// In thousandths.
        var gpus = 0
        /// Labels that a node must have.
        var labels: [String: String] = [:]
        /// Labels that a node should have.
        var preferredLabels: [String: String] = [:]
    }

    package var name: String
    /// How fronts take its requests, as a `model.yaml`.
    var yaml: String
    /// How many replicas each version is to have; `nil` for one on each worker.
    package var replicas: Int?
    var needs: Needs
    /// The versions that are wanted.
    package var versions: [GroupRecord]
    /// Those that were, and serve until all that are wanted do.
    package var kept: [GroupRecord] = []
    /// Why replicas of a group have no place, by the group's name.
    package var pending: [String: String] = [:]
    /// Why it can't be served, or not as wanted.
    package var fault: String?
}

extension DeploymentRecord {
    /// What is wanted of a deployment whose replicas need nothing in particular.
    package init(name: String, yaml: String, replicas: Int?, versions: [GroupRecord]) {
        self.init(name: name, yaml: yaml, replicas: replicas, needs: .init(cpus: 0), versions: versions)
    }
}
