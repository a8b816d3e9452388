import Logging
import MantaCore
import MantaServing
import MantaTestKit

/// A version that runs for as long as a test's body does.
@discardableResult
func serving<Result: Sendable>(
    _ engine: FakeEngine, _ configure: (inout DeploymentConfiguration) -> Void = { _ in },
    body: @Sendable (ServedVersion) async throws -> Result
) async throws -> Result {
    var configuration = DeploymentConfiguration(name: "m")
    configure(&configuration)
    let version = ServedVersion(
        VersionSpec(number: 1, path: "", hash: ""), configuration: configuration, engine: engine,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for replica in 0..<(configuration.replicas ?? 1) { version.startReplica(replica) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await version.run() }
        while !version.state.isReady {
            if case .failed = version.state { break }
            await Task.yield()
        }
        let result = try await body(version)
        version.stop()
        try await group.waitForAll()
        return result
    }
}

extension ServedVersion {
    /// Its answer, where it takes requests.
    func answer(_ request: InferenceRequest) async throws(ServingError) -> InferenceResponse {
        guard let response = try await infer(request) else { throw ServingError(.shuttingDown, "refused") }
        return response
    }
}
