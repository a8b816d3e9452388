import MantaAutoscaler
import MantaBatching
import MantaCore
import MantaTelemetry
import MantaTime

/// Tunes one version: counts its requests, asks the tuner, and brings into force what it says.
struct VersionTuner: Sendable {
    /// What follows from a look at the load.
    struct Outcome: Sendable {
        /// How many replicas there should be.
        var count: Int
        var notes: [String] = []
    }

    private(set) var tuner: Tuner
    /// The instance that it tunes. Another one is another machine to it.
    let instance: DeploymentController.InstanceID
    /// What was learned of the cost of batches, by setting.
    private var sizers: [Lanes: BatchSizer] = [:]
    /// What batches run with now.
    private var present: Lanes

    init(_ instance: DeploymentController.InstanceID, start: Lanes, cpus: Int) {
        (self.instance, present) = (instance, start)
        tuner = Tuner(cpus: cpus, start: start)
    }

    /// Measures and decides.
    ///
    /// - Parameters:
    ///   - serving: The instance.
    ///   - count: How many replicas are wanted.
    ///   - now: The present.
    /// - Returns: How many replicas there should be from now on, and what operators should know.
    mutating func tick(_ serving: Deployment.State.Serving, count: Int, at now: Instant) -> Outcome {
        var notes: [String] = []
        let lanes = Lanes(replicas: serving.ready, threads: serving.served.threads ?? 0)
        let isInForce = present == tuner.wanted && count == present.replicas && lanes == present
        if let sample = sample(of: serving.served, inForce: isInForce ? present : nil) {
            notes += tuner.tick(sample, at: now)?.notes ?? []
        }
        if case .failed(let reason)? = bringAbout(on: serving.served) {
            // Asked again, it is to be tried again.
            serving.served.freeSpare()
            notes += tuner.failed(tuner.wanted, reason: reason, at: now)?.notes ?? []
            _ = bringAbout(on: serving.served)
        }
        if tuner.isSettled { serving.served.freeSpare() }
        return Outcome(count: present.replicas, notes: notes)
    }

    /// Back to the best setting, since something else goes on.
    ///
    /// - Returns: How many replicas there should be.
    mutating func interrupt(_ served: ServedVersion) -> Int {
        _ = tuner.interrupt()
        _ = bringAbout(on: served)
        return present.replicas
    }

    private enum Failure { case failed(String) }

    /// Exchanges what batches run with, as soon as the model for it is loaded. Until then all stays as it is.
    private mutating func bringAbout(on served: ServedVersion) -> Failure? {
        let wanted = tuner.wanted
        guard wanted != present || wanted.threads != served.threads else { return nil }
        switch served.prepare(threads: wanted.threads) {
        case .none, .loading: return nil
        case .failed(_, let reason): return .failed(reason)
        case .ready:
            guard let learned = served.use(threads: wanted.threads, sizer: sizers[wanted]) else { return nil }
            sizers[present] = learned
            present = wanted
            return nil
        }
    }

    private func sample(of served: ServedVersion, inForce: Lanes?) -> TuningSample? {
        guard let load = served.load else { return nil }
        let outcomes = served.metrics.outcomes(objective: served.configuration.objective)
        return TuningSample(
            inForce: inForce, answered: outcomes.answered, seconds: outcomes.seconds, failed: outcomes.failed,
            late: outcomes.late, ongoing: load.queued + load.running)
    }
}

extension Deployment.State {
    /// Looks at the load of a version, and does what its tuner says.
    mutating func tune(_ version: Int, at now: Instant, cpus: Int) -> [DeploymentController.Action] {
        guard let id = controller.routes.versions[version], let served = instances[id], let threads = served.threads,
            let instance = controller.instances[id]
        else { return [] }
        // What another instance does to the load says nothing about a setting.
        if controller.isUpdating { return interruptTuning(of: version, at: now) }
        let count = controller.count(of: version)
        let known = tuners[version].flatMap { $0.instance == id ? $0 : nil }
        var tuner = known ?? VersionTuner(id, start: Lanes(replicas: count, threads: threads), cpus: cpus)
        let outcome = tuner.tick((id, served, instance.readyCount), count: count, at: now)
        tuners[version] = tuner
        return outcome.notes.map { .note(.init(kind: .scale, version: version, message: $0)) }
            + setCount(outcome.count, of: version, at: now)
    }

    /// Goes back to the best setting of a version that is known.
    mutating func interruptTuning(of version: Int, at now: Instant) -> [DeploymentController.Action] {
        guard var tuner = tuners[version], let served = instances[tuner.instance],
            controller.routes.versions[version] == tuner.instance
        else { return [] }
        let count = tuner.interrupt(served)
        tuners[version] = tuner
        return setCount(count, of: version, at: now)
    }

    /// Batches run with the configured threads again.
    mutating func endTuning() {
        for tuner in tuners.values { instances[tuner.instance]?.endTuning() }
        tuners = [:]
    }

    /// The threads that a new instance begins with: those that were found for the one that it is to take over from.
    var tunedThreads: Int? {
        let version = controller.routes.defaultVersion ?? tuners.keys.max()
        return version.flatMap { tuners[$0]?.tuner.best.threads }
    }

    private mutating func setCount(_ count: Int, of version: Int, at now: Instant) -> [DeploymentController.Action] {
        guard count != controller.count(of: version) else { return [] }
        return controller.handle(.count(count, version: version), at: now)
    }
}
