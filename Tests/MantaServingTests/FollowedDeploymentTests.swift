import MantaCore
import MantaTestKit
import MantaTime
import Testing

@testable import MantaAutoscaler
@testable import MantaServing

@Suite("A deployment whose replicas others scale", .timeLimit(.minutes(1)))
struct FollowedDeploymentTests {
    private static let address = RemoteAddress("http://first:8000/v2/models/m")!
    private static let request = InferenceRequest(
        inputs: [NamedTensor("x", Tensor(shape: [1, 2], [7, 8] as [Float]))])

    private static func wanted(count: Int, after decision: Decision? = nil) -> WantedDeployment {
        var wanted = WantedDeployment(
            configuration: DeploymentConfiguration(name: "m"), versions: [.remote(number: 1)],
            scale: .followed(.init(), count: count))
        wanted.places[.remote(number: 1)] = .init(count > 0 ? [address] : [])
        wanted.lastDecision = decision
        return wanted
    }

    private static func decision(from: Int, to: Int) -> Decision {
        Decision(
            at: .origin, from: from, to: to, reason: "it was so",
            inputs: .init(
                ongoing: 0, queued: 0, replicas: from, targetOngoingRequests: 2, queueWait: .zero,
                targetQueueWait: .zero, arrivalsPerSecond: 0, capacityPerSecond: nil))
    }

    private static func running(
        _ first: WantedDeployment, body: @Sendable (Deployment) async throws -> Void
    ) async throws {
        try await MantaServingTests.running(first, on: FakeRemotes([address: .init()]), body: body)
    }

    /// One that had a replica, and rests.
    private static func resting(body: @Sendable (Deployment) async throws -> Void) async throws {
        try await running(wanted(count: 1)) { deployment in
            _ = await deployment.settled(within: .seconds(30))
            deployment.apply(wanted(count: 0, after: decision(from: 1, to: 0)))
            _ = await deployment.settled(within: .seconds(30)) { $0.state == .asleep }
            try await body(deployment)
        }
    }

    @Test("with none, a request waits, which its load says, and is answered when there is one")
    func wakes() async throws {
        try await Self.running(Self.wanted(count: 1)) { deployment in
            #expect(await deployment.settled(within: .seconds(30)).state == .ready)
            #expect(deployment.measureLoad()?.ongoing == 0)
            deployment.apply(Self.wanted(count: 0, after: Self.decision(from: 1, to: 0)))
            let asleep = await deployment.settled(within: .seconds(30)) { $0.state == .asleep }
            #expect(asleep.state == .asleep && deployment.measureLoad()?.ongoing == 0)
            #expect(asleep.decisions.map(\.decision.to) == [0] && asleep.decisions[0].decision.at > .origin)

            async let answer = deployment.infer(Self.request, at: try deployment.target(nil))
            while deployment.measureLoad()?.queued != 1 { await Task.yield() }
            #expect(deployment.measureLoad()?.replicas == 0)
            deployment.apply(Self.wanted(count: 1, after: Self.decision(from: 0, to: 1)))
            #expect(try await answer.outputs.count == 1)
            #expect(deployment.snapshot.decisions.map(\.decision.to) == [0, 1])
        }
    }

    @Test("a request that waits for a replica is answered by the version that is wanted by then")
    func updatedMeanwhile() async throws {
        try await Self.resting { deployment in
            async let answer = deployment.infer(Self.request, at: try deployment.target(nil))
            while deployment.measureLoad()?.queued != 1 { await Task.yield() }

            var wanted = Self.wanted(count: 1, after: Self.decision(from: 0, to: 1))
            wanted.versions = [.remote(number: 2)]
            wanted.places = [.remote(number: 2): .init([Self.address])]
            deployment.apply(wanted)

            #expect(try await answer.outputs.count == 1)
            #expect(deployment.versions == [2])
        }
    }

    @Test("a request also waits while somebody has given it a fixed count, and its replica is being started")
    func pinnedMeanwhile() async throws {
        try await Self.resting { deployment in
            var wanted = Self.wanted(count: 0)
            wanted.scale = .pinned(1)
            deployment.apply(wanted)
            _ = await deployment.settled(within: .seconds(30)) { $0.state == .loading }

            async let answer = deployment.infer(Self.request, at: try deployment.target(nil))
            wanted.places = [.remote(number: 1): .init([Self.address])]
            deployment.apply(wanted)
            #expect(try await answer.outputs.count == 1)
        }
    }

    @Test("one that never had a replica here asks for one: without it no request can wait")
    func unknown() async throws {
        try await Self.running(Self.wanted(count: 0)) { deployment in
            _ = await deployment.settled(within: .seconds(30)) { $0.state == .asleep }
            let load = try #require(deployment.measureLoad())
            #expect(load.ongoing == 1 && load.queued == 0 && load.replicas == 0)
            let error = #expect(throws: ServingError.self) { try deployment.target(nil) }
            #expect(error?.message == "m is being started" && error?.retryAfter == .seconds(1))
        }
    }

    @Test("what requests came since the last time is counted once")
    func arrivals() async throws {
        try await Self.running(Self.wanted(count: 1)) { deployment in
            _ = await deployment.settled(within: .seconds(30))
            _ = deployment.measureLoad()
            for _ in 0..<3 { _ = try await deployment.infer(Self.request, at: try deployment.target(nil)) }
            #expect(deployment.measureLoad()?.arrivals == 3)
            #expect(deployment.measureLoad()?.arrivals == 0)
            var pinned = Self.wanted(count: 1)
            pinned.scale = .pinned(1)
            deployment.apply(pinned)
            _ = await deployment.settled(within: .seconds(30))
            #expect(deployment.measureLoad() == nil)
        }
    }
}
