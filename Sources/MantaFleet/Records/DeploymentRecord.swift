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
        /// In thousandths, by name. `nil` if none is needed, and in records that are older than these.
        var custom: [String: Int]?
        /// Labels that a node must have.
        var labels: [String: String] = [:]
        /// Labels that a node should have.
        var preferredLabels: [String: String] = [:]
    }

    package var name: String
    /// How fronts take its requests, as a `model.yaml`.
    var yaml: String
    /// How many replicas each version is to have; `nil` for one on each worker that has the labels.
    package var replicas: Int?
    /// How that number follows the load; `nil` if it doesn't.
    package var scaling: ScalingRecord?
    var needs: Needs
    /// The versions that are wanted.
    package var versions: [GroupRecord]
    /// Those that were, and serve until all that are wanted do.
    package var kept: [GroupRecord] = []
    /// With how many replicas the wanted versions have taken over from those, where the count follows the load: a count
    /// that rises then isn't a reason to go back. `nil` while they haven't.
    package var takeover: Int?
    /// Why replicas of a group have no place, by the group's name.
    package var pending: [String: String] = [:]
    /// Why it can't be served, or not as wanted.
    package var fault: String?
    /// What of it is without effect in a fleet. `nil` if nothing is, and in records that are older than this.
    package var notes: [String]?
}

extension DeploymentRecord {
    /// What is wanted of a deployment whose replicas need nothing in particular.
    package init(
        name: String, yaml: String, replicas: Int?, scaling: ScalingRecord? = nil, versions: [GroupRecord]
    ) {
        self.init(
            name: name, yaml: yaml, replicas: replicas, scaling: scaling, needs: .init(cpus: 0), versions: versions)
    }
}

extension DeploymentRecord {
    /// How many replicas each version is to have, where workers with these labels take some.
    func replicas(on workers: [[String: String]]) -> Int {
        if let replicas { return replicas }
        guard !needs.labels.isEmpty else { return workers.count }
        // Where none has the labels, one replica that has no place says so.
        return max(1, workers.count { labels in needs.labels.allSatisfy { labels[$0.key] == $0.value } })
    }
}

extension DeploymentRecord.Needs {
    /// These resources, on nodes with these labels.
    init(_ resources: Resources, labels: [String: String] = [:], preferredLabels: [String: String] = [:]) {
        cpus = resources.cpus.thousandths
        memory = resources.memory
        gpus = resources.gpus.thousandths
        custom = resources.custom.isEmpty ? nil : resources.custom.mapValues(\.thousandths)
        (self.labels, self.preferredLabels) = (labels, preferredLabels)
    }

    var resources: Resources {
        Resources(
            cpus: Amount(thousandths: cpus), memory: memory, gpus: Amount(thousandths: gpus),
            custom: (custom ?? [:]).mapValues(Amount.init(thousandths:)))
    }
}
