package import MantaAutoscaler

/// How a deployment is at one moment.
package struct DeploymentSnapshot: Sendable {
    /// The state in one word, for operators.
    package enum State: String, Sendable {
        /// Nothing serves yet. Becomes ready or failed.
        case loading
        /// Everything wanted serves.
        case ready
        /// What served before serves while something new comes. Becomes ready or halted.
        case updating
        /// What served before serves, since the new failed.
        case halted
        /// No replica; a request starts one, unless it is scaled to none by hand.
        case asleep
        /// Nothing can serve.
        case failed
    }

    /// What should be.
    package let wanted: WantedDeployment
    /// What the controller knows.
    package let controller: DeploymentController
    /// The instances by number, those that failed included.
    package let instances: [Int: ServedVersion]
    /// The last decisions of the autoscaler with the version that they are about, oldest first; none while the count is
    /// pinned.
    package let decisions: [(version: Int, decision: Decision)]
    /// What finds the setting of each version, by its number; none unless that is wanted.
    package let tuners: [Int: Tuner]
    /// Versions without a replica that a request wakes up.
    package let asleep: [Int]
    private let isRemoved: Bool
    /// Whether all changes asked for have been begun.
    let isCurrent: Bool

    init(_ state: Deployment.State) {
        wanted = state.wanted
        controller = state.controller
        instances = state.instances
        let followed = state.followedDecisions.decisions.map { (state.newestVersion ?? 1, $0) }
        decisions =
            followed
            + state.scalers.flatMap { version, scaler in scaler.decisions.map { (version, $0) } }
            .sorted { $0.decision.at < $1.decision.at }
        tuners = state.tuners.mapValues(\.tuner)
        isCurrent = state.submitted == state.begun
        isRemoved = state.isRemoved
        asleep = state.wakeable
    }

    /// The state in one word.
    package var state: State {
        let routes = controller.routes
        let hasCandidate = controller.instances.values.contains { $0.phase.isOnItsWay }
        if !routes.versions.isEmpty {
            return hasCandidate ? .updating : controller.halted.isEmpty ? .ready : .halted
        }
        if hasCandidate { return .loading }
        if !asleep.isEmpty { return .asleep }
        if reason != nil { return .failed }
        return routes.asleep.isEmpty ? .loading : .asleep
    }

    /// Why it isn't as wanted.
    package var reason: String? {
        if let spec = controller.wanted.last(where: { controller.halted[$0] != nil }),
            let reason = controller.halted[spec]
        {
            return "version \(spec.version.number): \(reason)"
        }
        return wanted.fault
    }

    /// Whether all that was asked for is done, or can't be done.
    package var isSettled: Bool {
        if isRemoved { return true }
        guard isCurrent else { return false }
        switch state {
        case .loading, .updating: return false
        case .failed, .asleep: return true
        case .halted: return isScaled
        case .ready: return isComplete
        }
    }

    /// Whether all that was asked for is done.
    package var isServed: Bool { isSettled && state != .halted && state != .failed }

    /// Whether what serves has as many replicas as are wanted, whatever becomes of an update.
    package var isScaled: Bool {
        let versions = controller.routes.versions
        guard isCurrent, !versions.isEmpty || state == .asleep else { return false }
        return versions.allSatisfy { number, id in
            guard let instance = controller.instances[id] else { return false }
            return instance.readyCount == controller.count(of: number) && instance.readyCount == instance.replicas.count
        }
    }

    /// Whether each version wanted serves with as many replicas as are wanted.
    private var isComplete: Bool {
        controller.wanted.allSatisfy { spec in
            let number = spec.version.number
            let count = controller.count(of: number)
            guard let id = controller.routes.versions[number], let instance = controller.instances[id] else {
                return count == 0
            }
            return instance.spec == spec && instance.readyCount == instance.replicas.count
                && instance.readyCount == count
        }
    }

    /// Replicas wanted of the version that serves requests which name none, and of each other unless their load differs.
    package var replicasOfEachVersion: Int {
        let version = controller.routes.defaultVersion ?? controller.wanted.last?.version.number
        return version.map(controller.count) ?? 0
    }

    /// Threads of all replicas that take batches.
    package var threadCount: Int {
        controller.routes.versions.values.reduce(0) { sum, id in
            sum + (controller.instances[id]?.readyCount ?? 0) * (instances[id]?.threads ?? 1)
        }
    }

    /// Replicas that take batches, and those wanted, of all versions.
    package var replicas: (ready: Int, wanted: Int) {
        let serving = controller.routes.versions.values.compactMap { controller.instances[$0]?.readyCount }
        return (serving.reduce(0, +), controller.wanted.reduce(0) { $0 + controller.count(of: $1.version.number) })
    }
}
