package import CoreMetrics
package import Logging
import MantaAutoscaler
package import MantaCore
package import MantaTime
import Synchronization

/// A model under one name: what is wanted of it, the instances that there are, and where its requests go.
///
/// ```swift
/// let deployment = Deployment(wanted, …)
/// async let life: Void = deployment.run()     // loads, updates, scales, until stop()
/// let target = try deployment.target(nil)
/// let response = try await deployment.infer(request, at: target)
/// ```
public final class Deployment: Sendable {
    /// What a deployment is made with, beside what is wanted of it.
    package struct Environment: Sendable {
        /// What evaluates the models.
        package var engine: any Engine
        /// What reaches other servers, for models that those serve.
        package var remotes: (any RemoteModels)?
        /// Takes what goes wrong inside.
        package var logger: Logger
        /// CPUs that the process may use.
        package var cpus: Int
        /// Told what operators want to know.
        package var report: @Sendable (_ deployment: String, DeploymentController.Note) -> Void
        /// The clock.
        package var time: any TimeSource
        /// Takes what is counted; `nil` for the process's.
        package var metrics: (any MetricsFactory)?

        package init(
            engine: any Engine, remotes: (any RemoteModels)? = nil, logger: Logger, cpus: Int = 1,
            time: any TimeSource = MachineTime(),
            report: @escaping @Sendable (_ deployment: String, DeploymentController.Note) -> Void = { _, _ in }
        ) {
            (self.engine, self.remotes, self.logger) = (engine, remotes, logger)
            (self.cpus, self.time, self.report) = (cpus, time, report)
        }
    }

    struct State {
        var wanted: WantedDeployment
        var controller = DeploymentController()
        /// All that run, and those that failed.
        var instances: [Int: ServedVersion] = [:]
        var routing = Routing()
        /// What requests to each version look like, as last known.
        var signatures: [Int: ModelSignature] = [:]
        /// The trials that are held, by the instance that is tried, with the one whose requests are copied.
        var trials: [Int: (against: Int, run: TrialRun)] = [:]
        var proofs: [Int: Proof] = [:]
        var metrics: [Int: VersionMetrics] = [:]
        /// What scales each version, unless its count is pinned.
        var scalers: [Int: VersionScaler] = [:]
        /// What others have decided of the count, where they do.
        var followedDecisions = DecisionLog()
        /// What measures the load of each version for those.
        var meters: [Int: LoadMeter] = [:]
        /// What finds the setting of each version, if that is wanted.
        var tuners: [Int: VersionTuner] = [:]
        /// Requests that wait for a version to be woken up.
        var held: [Int: (count: Int, bytes: Int)] = [:]
        var alarm: Task<Void, Never>?
        var isStopping = false
        var isRemoved = false
        /// Changes that were asked for, and those that were begun.
        var submitted = 0
        var begun = 0
    }

    /// The model's name in requests.
    public let name: String
    let environment: Environment
    let state: Mutex<State>
    let changes = ChangeSignal()
    let inbox = AsyncStream.makeStream(of: Message.self)

    /// A deployment. Nothing happens before ``run()``.
    package init(_ wanted: WantedDeployment, environment: Environment) {
        name = wanted.name
        self.environment = environment
        state = Mutex(State(wanted: wanted))
        apply(wanted)
    }

    var time: any TimeSource { environment.time }

    /// Something to be worked on by ``run()``, in order.
    enum Message: Sendable {
        case want(WantedDeployment, retry: Bool)
        case remove
        case event(DeploymentController.Event)
        /// A request waits for a version that is asleep.
        case wake(version: Int)
        /// It is time to look at the load.
        case tick

        /// Whether somebody may wait for it.
        var isChange: Bool {
            switch self {
            case .want, .remove, .event: true
            case .wake, .tick: false
            }
        }
    }

    /// Makes it what is wanted, step by step.
    ///
    /// - Parameters:
    ///   - wanted: What it should be from now on.
    ///   - retry: Whether to try again what has failed.
    package func apply(_ wanted: WantedDeployment, retry: Bool = false) {
        state.withLock { $0.submitted += 1 }
        inbox.continuation.yield(.want(wanted, retry: retry))
    }

    /// Lets its requests finish and then ``run()`` return.
    package func remove() { inbox.continuation.yield(.remove) }

    /// The server stops: what waits is finished, and ``run()`` returns.
    package func stop() {
        let (instances, trials) = state.withLock { state in
            state.isStopping = true
            return (state.instances, state.trials)
        }
        for trial in trials.values { trial.run.end() }
        for version in instances.values { version.stop() }
        inbox.continuation.finish()
        // Requests that wait for a replica are told that there won't be one.
        changes.send()
    }

    /// Waits until all that was asked for is done, or can't be done, or until `isDone` holds.
    ///
    /// - Returns: How it is then, or when the time is over.
    package func settled(
        within limit: Duration, or isDone: @escaping @Sendable (DeploymentSnapshot) -> Bool = { _ in false }
    ) async -> DeploymentSnapshot {
        let settled = await changes.first(until: time.now + limit, time: time) { [self] in
            let snapshot = snapshot
            return snapshot.isSettled || isDone(snapshot) ? snapshot : nil
        }
        return settled ?? snapshot
    }

    /// The versions that requests may name, ascending.
    package var versions: [Int] {
        state.withLock { Set($0.routing.routes.keys).union($0.wakeable).sorted() }
    }

    /// The versions that were found unfit, and why.
    package var rejected: [VersionSpec: String] {
        let halted = state.withLock { $0.controller.halted }
        return Dictionary(halted.map { ($0.version, $1) }, uniquingKeysWith: { $1 })
    }

    /// What the protocol's metadata calls the kind of model.
    package var platform: String { environment.engine.platform }

    /// How it is now.
    package var snapshot: DeploymentSnapshot { state.withLock { DeploymentSnapshot($0) } }
}
