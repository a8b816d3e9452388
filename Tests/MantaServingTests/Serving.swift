import Logging
import MantaCore
import MantaServing
import MantaTestKit
import MantaTime

/// A version that runs for as long as a test's body does.
@discardableResult
func serving<Result: Sendable>(
    _ engine: any Engine, time: any TimeSource = MachineTime(),
    _ configure: (inout DeploymentConfiguration) -> Void = { _ in },
    body: @Sendable (ServedVersion) async throws -> Result
) async throws -> Result {
    var configuration = DeploymentConfiguration(name: "m")
    configure(&configuration)
    let version = ServedVersion(
        VersionSpec(number: 1, path: "", hash: ""), configuration: configuration, engine: engine,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, time: time)
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

/// A deployment of models on other servers, which runs for as long as a test's body does.
func running(
    _ first: WantedDeployment, on remotes: FakeRemotes, body: @Sendable (Deployment) async throws -> Void
) async throws {
    let deployment = Deployment(
        first,
        environment: .init(
            engine: FakeEngine { inputs in inputs.compactMap(\.self) }, remotes: remotes,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await deployment.run() }
        defer { deployment.stop() }
        try await body(deployment)
    }
}

extension ServedVersion {
    /// Its answer, where it takes requests.
    func answer(_ request: InferenceRequest) async throws(ServingError) -> InferenceResponse {
        guard let response = try await infer(request) else { throw ServingError(.shuttingDown, "refused") }
        return response
    }
}
