import Logging
import MantaAutoscaler
import MantaCore
import MantaServing
import MantaTelemetry
import MantaTestKit
import Synchronization
import Testing

/// Models that differ by the name of their file.
private let engine = FakeEngine.reading { source throws(ServingError) in
    let answer: FakeEngine.Body = { inputs throws(ServingError) in
        let first = (inputs[0]?.values() ?? [] as [Float]).first ?? 0
        // Warm-up sends ones and zeros; requests of these tests are other numbers.
        if source.path == "fails-live", first > 1 { throw ServingError(.engineFailed, "no such row") }
        if source.path == "fails-cold" { throw ServingError(.engineFailed, "cold") }
        return inputs.compactMap(\.self)
    }
    switch source.path {
    case "broken": throw ServingError(.modelUnavailable, "not a model")
    case "renamed":
        let signature = ModelSignature(
            inputs: [TensorSpec("z", .fp32, [-1, 2])], outputs: [TensorSpec("y", .fp32, [-1, 2])])
        return (signature, answer)
    default: return (.twoColumns, answer)
    }
}

private func wanted(_ versions: [(Int, String)], _ configure: (inout WantedDeployment) -> Void = { _ in })
    -> WantedDeployment
{
    var wanted = WantedDeployment(
        configuration: DeploymentConfiguration(name: "m"),
        versions: versions.map { VersionSpec(number: $0.0, path: $0.1, hash: "sha256:" + $0.1) }, scale: .pinned(2))
    // Long enough for whatever the machine has to do meanwhile, short enough for a test.
    wanted.configuration.rollout.trialTime = .milliseconds(50)
    configure(&wanted)
    return wanted
}

private let request = InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [1, 2], [7, 8] as [Float]))])

/// A deployment that runs for as long as a test's body does, and what it told operators.
private func running(
    _ first: WantedDeployment,
    body: @Sendable (Deployment, _ notes: @Sendable () -> [String]) async throws -> Void
) async throws {
    let notes = Mutex<[String]>([])
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let deployment = Deployment(
        first,
        environment: .init(engine: engine, logger: logger, cpus: 4) { _, note in
            notes.withLock { $0.append(note.message) }
        })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await deployment.run() }
        _ = await deployment.settled(within: .seconds(60))
        do {
            try await body(deployment) { notes.withLock { $0 } }
        } catch {
            deployment.stop()
            throw error
        }
        deployment.stop()
        try await group.waitForAll()
    }
}

private final class Flag: Sendable {
    let isSet = Atomic(false)
}

extension Deployment {
    @discardableResult
    fileprivate func answer(_ version: Int? = nil, schedule: InferenceSchedule = .init()) async throws
        -> InferenceResponse
    {
        try await infer(request, schedule: schedule, at: try target(version))
    }

    fileprivate func expectAnswer(from version: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await answer()
        #expect(answer.model.version == version, sourceLocation: sourceLocation)
    }
}

@Suite("A deployment", .timeLimit(.minutes(2)))
struct DeploymentTests {
    @Test("an update takes over without a failed request, and answers come from the new version then")
    func update() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            let end = Flag()
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var count = 0
                        while !end.isSet.load(ordering: .relaxed) {
                            try await deployment.answer()
                            count += 1
                        }
                        return count
                    }
                }
                for version in 2...8 {
                    deployment.apply(wanted([(version, "a")]))
                    let snapshot = await deployment.settled(within: .seconds(60))
                    #expect(snapshot.state == .ready, "\(snapshot.reason ?? "")")
                    #expect(snapshot.controller.routes.defaultVersion == version)
                }
                end.isSet.store(true, ordering: .relaxed)
                return try await group.reduce(0, +)
            }
            #expect(answered > 0)
            try await deployment.expectAnswer(from: 8)
        }
    }

    @Test(
        "a new version that can't be loaded, warmed, or asked as the old one is halts the update, and says why",
        arguments: [
            ("broken", "version 2: not a model"),
            ("fails-cold", "version 2: warm-up with 1 rows of made-up inputs failed: cold"),
            (
                "renamed",
                "version 2: its signature has changed: input \"x\" is gone; set rollout.allow_signature_change to true "
                    + "if that is meant"
            ),
        ])
    func halt(file: String, reason: String) async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            deployment.apply(wanted([(2, file)]))
            let snapshot = await deployment.settled(within: .seconds(60))

            #expect(snapshot.state == .halted)
            #expect(snapshot.reason == reason)
            try await deployment.expectAnswer(from: 1)

            deployment.apply(wanted([(3, "a")]))
            #expect(await deployment.settled(within: .seconds(60)).state == .ready)
            try await deployment.expectAnswer(from: 3)
        }
    }

    @Test("a new version that fails copies of live requests halts in its trial, and no client notices")
    func trial() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            deployment.apply(wanted([(2, "fails-live")]) { $0.configuration.rollout.trialTime = .seconds(60) })
            var snapshot = deployment.snapshot
            while snapshot.state != .halted {
                try await deployment.expectAnswer(from: 1)
                snapshot = deployment.snapshot
            }

            #expect(
                snapshot.reason
                    == "version 2: it failed a request that the version in service answered: no such row")
        }
    }

    @Test("copies of requests, by which a new version is tried, count nowhere")
    func copiesAreNotCounted() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            let old = try #require(deployment.metrics(1))
            deployment.apply(
                wanted([(2, "a")]) {
                    $0.configuration.rollout.trialRequests = 5
                    $0.configuration.rollout.trialTime = .seconds(60)
                })
            var answers = 0
            while deployment.snapshot.controller.routes.defaultVersion != 2 {
                try await deployment.answer()
                answers += 1
            }
            let new = try #require(deployment.metrics(2))

            #expect(answers >= 5)
            #expect(Int(old.statistics.rows + new.statistics.rows) == answers)
        }
    }

    @Test("a new version that fails its first live request goes back to the old one, which answers that request")
    func regression() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            deployment.apply(
                wanted([(2, "fails-live")]) {
                    $0.configuration.rollout.trialRequests = 0
                    $0.configuration.rollout.settleTime = .seconds(60)
                })
            #expect(await deployment.settled(within: .seconds(60)).state == .ready)

            try await deployment.expectAnswer(from: 1)
            while deployment.snapshot.state != .halted { try await deployment.answer() }
            #expect(deployment.snapshot.reason == "version 2: no such row")
            #expect(deployment.snapshot.controller.routes.versions.keys.sorted() == [1])
        }
    }

    @Test("a request that both versions fail is the request's fault")
    func badRequest() async throws {
        try await running(wanted([(1, "fails-live")])) { deployment, _ in
            deployment.apply(wanted([(2, "fails-live")]) { $0.configuration.rollout.trialRequests = 0 })
            #expect(await deployment.settled(within: .seconds(60)).state == .ready)

            await #expect(throws: ServingError.self) { try await deployment.answer() }
            #expect(deployment.snapshot.state == .ready)
        }
    }

    @Test("a deployment at rest has no replica, and the first requests wait until there is one")
    func asleep() async throws {
        let sleepy = wanted([(1, "a")]) {
            var scaling = AutoscalingConfiguration()
            (scaling.minReplicas, scaling.downscaleToZeroDelay) = (0, .milliseconds(10))
            (scaling.metricsInterval, scaling.lookBackPeriod) = (.milliseconds(5), .milliseconds(10))
            $0.scale = .automatic(scaling)
        }
        try await running(sleepy) { deployment, notes in
            for _ in 0..<3 {
                while deployment.snapshot.state != .asleep { await Task.yield() }
                #expect(deployment.snapshot.controller.instances.values.allSatisfy { $0.phase == .draining })

                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 { group.addTask { try await deployment.answer() } }
                    try await group.waitForAll()
                }
            }
            #expect(notes().contains("0 → 1 replicas: a request came and there was no replica"))
        }
    }

    @Test("scaled to none by hand, it refuses requests and says so")
    func scaledToNone() async throws {
        try await running(wanted([(1, "a")]) { $0.scale = .pinned(0) }) { deployment, _ in
            await #expect {
                try await deployment.answer()
            } throws: { error in
                (error as? ServingError)?.message == "m is scaled to 0 replicas"
            }
        }
    }

    @Test("a folder that lost its versions doesn't take away what serves")
    func vacancy() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            deployment.apply(wanted([]) { $0.fault = "models/m has no version" })
            let snapshot = await deployment.settled(within: .seconds(60))

            #expect(snapshot.reason == "models/m has no version")
            try await deployment.expectAnswer(from: 1)
        }
    }

    @Test("a stop in the middle of an update answers what was accepted and ends")
    func stopDuringUpdate() async throws {
        try await running(wanted([(1, "a")])) { deployment, _ in
            deployment.apply(wanted([(2, "a")]) { $0.configuration.rollout.trialTime = .seconds(600) })
            while deployment.snapshot.controller.instances.count < 2 { await Task.yield() }
            async let answer = deployment.answer()
            _ = try await answer
        }
    }
}
