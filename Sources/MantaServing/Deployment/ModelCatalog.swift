public import MantaCore
public import ServiceLifecycle
import Synchronization

/// All deployments of this node: runs them, and finds the one that a request names.
public final class ModelCatalog: Service {
    private let deployments: [String: Deployment]
    private let isLeaving = Atomic(false)

    /// The deployments to run, of different names.
    public init(_ deployments: [Deployment]) {
        self.deployments = Dictionary(uniqueKeysWithValues: deployments.map { ($0.name, $0) })
    }

    /// All deployments, by name.
    public var all: [Deployment] { deployments.values.sorted { $0.name < $1.name } }

    /// Why the node shouldn't get requests, or `nil` if it should.
    ///
    /// It should once every model has either become ready or failed, unless all failed: a broken model mustn't take
    /// the sound ones out of service. Its own routes say what is wrong with it.
    public var unreadiness: String? {
        if isLeaving.load(ordering: .relaxed) { return "the server is stopping" }
        let states = all.flatMap { deployment in deployment.versions.map { (deployment.name, $0.state) } }
        for (name, state) in states {
            switch state {
            case .ready, .failed: continue
            default: return "\(name) is \(state.word)"
            }
        }
        let anyServes = states.isEmpty ? deployments.isEmpty : states.contains { $0.1.isReady }
        return anyServes ? nil : "no model could be loaded"
    }

    /// From now on the node says that it shouldn't get requests. Those that it gets are still served.
    public func leave() {
        isLeaving.store(true, ordering: .relaxed)
    }

    /// The deployment of this name.
    ///
    /// - Throws: ``ServingError`` with code `modelNotFound`.
    public func deployment(_ name: String) throws(ServingError) -> Deployment {
        guard let deployment = deployments[name] else {
            throw ServingError(.modelNotFound, "model \"\(name)\" is not found")
        }
        return deployment
    }

    /// The version that a request names.
    ///
    /// - Throws: ``ServingError`` with code `modelNotFound` or `modelUnavailable`.
    public func version(_ name: String, _ number: Int?) throws(ServingError) -> ServedVersion {
        try deployment(name).version(number)
    }

    /// Loads all models at the same time and serves them until shutdown, then finishes what waits.
    public func run() async throws {
        let versions = deployments.values.flatMap(\.versions)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for version in versions { group.addTask { await version.run() } }
                // A node whose every model failed still says so to whoever asks.
                group.addTask { try? await gracefulShutdown() }
            }
        } onGracefulShutdown: {
            for version in versions { version.stop() }
        }
    }
}
