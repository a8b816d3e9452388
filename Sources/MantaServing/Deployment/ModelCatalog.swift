public import MantaCore
public import ServiceLifecycle
import Synchronization

/// All deployments of this node: runs them, and finds the one that a request names.
public final class ModelCatalog: Service {
    private struct State {
        var deployments: [String: Deployment] = [:]
        /// Whether what is wanted was told for the first time.
        var isTold = false
        /// Whether everything that was wanted first has been loaded, or failed. From then on, what loads is what changes.
        var hasStarted = false
        var isStopping = false
    }

    private let state = Mutex(State())
    private let isLeaving = Atomic(false)
    private let environment: Deployment.Environment
    private let arrivals = AsyncStream.makeStream(of: Deployment.self)

    /// An empty catalog.
    package init(environment: Deployment.Environment) {
        self.environment = environment
    }

    /// All deployments, by name.
    package var all: [Deployment] {
        state.withLock { $0.deployments.values.sorted { $0.name < $1.name } }
    }

    /// Makes the deployments what is wanted: new ones start, those that aren't wanted any more finish and go.
    ///
    /// - Parameters:
    ///   - wanted: All that is wanted.
    ///   - retry: Whether to try again what has failed of a deployment.
    package func apply(_ wanted: [WantedDeployment], retry: (String) -> Bool = { _ in false }) {
        let names = Set(wanted.map(\.name))
        let removed = state.withLock { state in
            let removed = state.deployments.filter { !names.contains($0.key) }
            for name in removed.keys { state.deployments[name] = nil }
            return removed
        }
        for deployment in removed.values { deployment.remove() }
        for wanted in wanted { apply(wanted, retry: retry(wanted.name)) }
        // Not before all are known: a probe in between would find nothing that is loading.
        state.withLock { $0.isTold = true }
    }

    private func apply(_ wanted: WantedDeployment, retry: Bool) {
        let existing = state.withLock { state -> Deployment? in
            if let deployment = state.deployments[wanted.name] { return deployment }
            guard !state.isStopping else { return nil }
            let deployment = Deployment(wanted, environment: environment)
            state.deployments[wanted.name] = deployment
            arrivals.continuation.yield(deployment)
            return nil
        }
        existing?.apply(wanted, retry: retry)
    }

    /// Why the node shouldn't get requests, or `nil` if it should.
    ///
    /// It should once every model that was wanted at the start has either become ready or failed, unless all failed: a
    /// broken model mustn't take the sound ones out of service, nor one that comes later. Its own routes say how it is.
    public var unreadiness: String? {
        if isLeaving.load(ordering: .relaxed) { return "the server is stopping" }
        let (isTold, hasStarted) = state.withLock { ($0.isTold, $0.hasStarted) }
        guard isTold else { return "the server is starting" }
        let snapshots = all.map(\.snapshot)
        // Servers elsewhere that don't answer may come at any time, and mustn't keep other models out of service.
        let loading = snapshots.first { snapshot in
            snapshot.state == .loading && !snapshot.instances.values.contains { $0.obstacle != nil }
        }
        if !hasStarted, let loading {
            return "\(loading.wanted.name) is loading"
        }
        if !hasStarted { state.withLock { $0.hasStarted = true } }
        let anyServes = snapshots.isEmpty || snapshots.contains { $0.state != .failed }
        return anyServes ? nil : "no model could be loaded"
    }

    /// From now on the node says that it shouldn't get requests. Those that it gets are still served.
    public func leave() {
        isLeaving.store(true, ordering: .relaxed)
    }

    /// Whether there is a deployment of this name.
    package func has(_ name: String) -> Bool { state.withLock { $0.deployments[name] != nil } }

    /// The deployment of this name.
    ///
    /// - Throws: ``ServingError`` with code `notFound`.
    public func deployment(_ name: String) throws(ServingError) -> Deployment {
        let (deployment, isTold) = state.withLock { ($0.deployments[name], $0.isTold) }
        if let deployment { return deployment }
        guard isTold else {
            throw ServingError(
                .modelUnavailable, "model \"\(name)\" isn't known yet: the server is starting", retryAfter: .seconds(1))
        }
        throw ServingError(.notFound, "model \"\(name)\" is not found")
    }

    /// Runs what was and will be wanted until shutdown, then finishes what waits.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await deployment in arrivals.stream {
                    group.addTask { await deployment.run() }
                }
            }
        } onGracefulShutdown: { [self] in
            stop()
        }
    }

    /// Lets every deployment finish what waits, and ``run()`` return.
    package func stop() {
        state.withLock { $0.isStopping = true }
        arrivals.continuation.finish()
        for deployment in all { deployment.stop() }
    }
}
