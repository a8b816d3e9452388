import MantaCore
import MantaTestKit
import Testing

@testable import MantaServing

@Suite("An update on other servers", .timeLimit(.minutes(1)))
struct RemoteTrialTests {
    private static let old = RemoteAddress("http://first:8000/v2/models/m")!
    private static let new = RemoteAddress("http://second:8000/v2/models/m")!
    private static let request = InferenceRequest(
        inputs: [NamedTensor("x", Tensor(shape: [1, 2], [7, 8] as [Float]))])

    private static func wanted(version: Int) -> WantedDeployment {
        var configuration = DeploymentConfiguration(name: "m")
        configuration.queue.defaultTimeout = .milliseconds(300)
        configuration.rollout.trialTime = .seconds(30)
        var wanted = WantedDeployment(
            configuration: configuration, versions: [.remote(number: version)], scale: .pinned(1))
        wanted.places = [.remote(number: 1): .init([old]), .remote(number: 2): .init([new])]
        return wanted
    }

    /// Has version 2 follow version 1 while requests come, each of which version 1 answers and version 2 fails.
    ///
    /// - Parameters:
    ///   - fail: How version 2 fails.
    ///   - isOver: Whether enough requests came, by how many copies version 2 got.
    ///   - then: What is done after that, while both run.
    /// - Throws: What `then` throws.
    private static func update(
        failing fail: RemoteFailure.Kind, until isOver: @Sendable (Deployment, _ copies: Int) -> Bool,
        then: @Sendable (Deployment, FakeRemotes) async throws -> Void
    ) async throws {
        let remotes = FakeRemotes([old: .init(), new: .init()])
        remotes.change(new) { server in
            server.run = { (_: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                throw RemoteFailure(fail, "it is gone")
            }
        }
        try await running(wanted(version: 1), on: remotes) { deployment in
            #expect(await deployment.settled(within: .seconds(30)).state == .ready)
            deployment.apply(wanted(version: 2))
            while !isOver(deployment, remotes.batches(at: new).count) {
                let response = try await deployment.infer(request, at: try deployment.target(nil))
                #expect(response.outputs.count == 1)
            }
            try await then(deployment, remotes)
        }
    }

    @Test("a copy of a request that nobody was there to run doesn't halt it; it goes on once somebody is")
    func nobody() async throws {
        try await Self.update(failing: .lost) { _, copies in
            // Out twice, so that one was tried again after the first had failed.
            copies >= 2
        } then: { deployment, remotes in
            #expect(deployment.rejected.isEmpty)
            #expect(deployment.snapshot.state == .updating)
            remotes.change(Self.new) { $0 = .init() }
            while deployment.snapshot.state == .updating {
                _ = try await deployment.infer(Self.request, at: try deployment.target(nil))
            }
            #expect(deployment.snapshot.state == .ready)
            let target = try deployment.target(nil)
            #expect(target.route?.instance.id.version == 2)
        }
    }

    @Test("a copy that its model fails halts it, which is told with the reason, and what served goes on")
    func failed() async throws {
        try await Self.update(failing: .answered(.engineFailed)) { deployment, _ in
            !deployment.rejected.isEmpty
        } then: { deployment, _ in
            #expect(deployment.rejected.keys.map(\.number) == [2])
            #expect(
                deployment.rejected.values.first?.contains("it failed a request that the version in service") == true)
            let target = try deployment.target(nil)
            #expect(target.route?.instance.id.version == 1)
        }
    }
}
