public import MantaCore
public import ServiceLifecycle
import Synchronization

/// All deployments of this node: runs them, and finds the one that a request names.
public final class ModelCatalog: Service {
    private let deployments: [String: Deployment]

    /// The deployments to run, of different names.
    public init(_ deployments: [Deployment]) {
        self.deployments = Dictionary(uniqueKeysWithValues: deployments.map { ($0.name, $0) })
    }

    /// All deployments, by name.
    public var all: [Deployment] { deployments.values.sorted { $0.name < $1.name } }

    /// Whether every deployment takes requests.
    public var isReady: Bool { deployments.values.allSatisfy(\.isReady) }

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
