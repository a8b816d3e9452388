import Logging
import MantaAutoscaler
import MantaCore
import MantaServing
import MantaTestKit
import MantaTime
import Synchronization
import Testing

/// Models in memory, now and at most.
private final class Loads: Sendable {
    struct Count {
        var threads: [Int] = []
        var live = 0
        var most = 0
    }

    final class Model: Sendable {
        let loads: Loads

        init(_ loads: Loads, threads: Int) {
            self.loads = loads
            loads.count.withLock {
                $0.threads.append(threads)
                $0.live += 1
                $0.most = max($0.most, $0.live)
            }
        }

        deinit { loads.count.withLock { $0.live -= 1 } }
    }

    let count = Mutex(Count())
}

/// An engine whose models answer with the number of their threads.
private func engine(_ loads: Loads, refusing: Int = 0) -> FakeEngine {
    .reading { source throws(ServingError) in
        let threads = source.options.threads
        guard threads != refusing else { throw ServingError(.modelUnavailable, "no memory") }
        let model = Loads.Model(loads, threads: threads)
        return (
            .twoColumns,
            { inputs throws(ServingError) in
                withExtendedLifetime(model) {
                    inputs.compactMap {
                        $0.map {
                            Tensor(shape: $0.shape, Array(repeating: Float(threads), count: ($0.rowCount ?? 0) * 2))
                        }
                    }
                }
            }
        )
    }
}

private func wanted(_ scale: WantedDeployment.Scale = .tuned, version: Int = 1) -> WantedDeployment {
    var wanted = WantedDeployment(
        configuration: DeploymentConfiguration(name: "m"),
        versions: [VersionSpec(number: version, path: "a", hash: "sha256:\(version)")], scale: scale)
    wanted.configuration.rollout.trialRequests = 0
    wanted.configuration.rollout.settleTime = .zero
    return wanted
}

private final class Flag: Sendable {
    let isSet = Atomic(false)
}

/// A deployment that is tuned, the clock that it goes by, and what it told operators.
private struct Tuned: Sendable {
    let deployment: Deployment
    let time: ManualTime
    let notes: @Sendable () -> [String]

    var tuner: Tuner? { deployment.snapshot.tuners[1] }

    /// Asks once. A run of two threads is said to have taken half as long as one of one thread.
    @discardableResult
    func ask() async throws -> Int {
        let target = try deployment.target(nil)
        let request = InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [1, 2], [7, 8] as [Float]))])
        let response = try await deployment.infer(request, at: target)
        let threads = Int((response.outputs[0].tensor.values() ?? [] as [Float])[0])
        target.metrics.recordAnswer(duration: .milliseconds(20) / threads)
        return threads
    }

    /// Lets a tenth of a second pass, with some requests in it.
    func tick() async throws {
        for _ in 0..<5 { try await ask() }
        time.advance(by: .milliseconds(100))
        await time.sleeperExists(until: time.now + .milliseconds(100))
    }

    func tick(until isReached: (Tuned) -> Bool) async throws {
        while !isReached(self) { try await tick() }
    }
}

private func tuning(_ engine: FakeEngine, body: @Sendable (Tuned) async throws -> Void) async throws {
    let notes = Mutex<[String]>([])
    let time = ManualTime()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let deployment = Deployment(
        wanted(),
        environment: .init(engine: engine, logger: logger, cpus: 2, time: time) { _, note in
            notes.withLock { $0.append(note.message) }
        })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await deployment.run() }
        while deployment.snapshot.state != .ready || !deployment.snapshot.isScaled { await Task.yield() }
        do {
            try await body(Tuned(deployment: deployment, time: time) { notes.withLock { $0 } })
        } catch {
            deployment.stop()
            throw error
        }
        deployment.stop()
        try await group.waitForAll()
    }
}

@Suite("A deployment that is tuned", .timeLimit(.minutes(2)))
struct DeploymentTuningTests {
    @Test("it finds the better setting while requests are served, loses none, and holds two models at most")
    func search() async throws {
        let loads = Loads()
        try await tuning(engine(loads)) { tuned in
            let end = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        while !end.isSet.load(ordering: .relaxed) { try await tuned.ask() }
                    }
                }
                try await tuned.tick { $0.tuner?.isSettled == true }
                end.isSet.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }

            #expect(tuned.tuner?.best == Lanes(replicas: 1, threads: 2))
            #expect(try await tuned.ask() == 2)
            #expect(tuned.deployment.snapshot.replicasOfEachVersion == 1)
            #expect(tuned.notes().contains { $0.hasPrefix("2 × 1 → 1 × 2 (replicas × threads): 10.0 ms on average") })
            // The spare model goes.
            while loads.count.withLock({ $0.live }) > 1 { try await tuned.tick() }
        }
        #expect(loads.count.withLock { $0.most } == 2)
        #expect(loads.count.withLock { $0.live } == 0)
    }

    @Test("a model that can't be loaded with other threads leaves what serves as it is, and is told of")
    func failedLoad() async throws {
        try await tuning(engine(Loads(), refusing: 2)) { tuned in
            try await tuned.tick { $0.tuner?.isSettled == true }

            #expect(try await tuned.ask() == 1)
            #expect(tuned.notes().contains("2 × 1 stays, 1 × 2 was failed (replicas × threads): no memory"))
        }
    }

    @Test("a stop in the middle of a trial answers what was accepted and ends")
    func stop() async throws {
        try await tuning(engine(Loads())) { tuned in
            try await tuned.tick { $0.tuner?.candidate != nil }
            while try await tuned.ask() == 1 { try await tuned.tick() }
            async let answer = tuned.ask()
            #expect(try await answer == 2)
        }
    }

    @Test("an operator's number of replicas ends it, with the configured threads, and taking that back begins it again")
    func pin() async throws {
        let loads = Loads()
        try await tuning(engine(loads)) { tuned in
            try await tuned.tick { $0.tuner?.isSettled == true }
            tuned.deployment.apply(wanted(.pinned(2)))
            while try await tuned.ask() != 1 { await Task.yield() }
            while loads.count.withLock({ $0.live }) > 1 { await Task.yield() }

            #expect(tuned.deployment.snapshot.tuners.isEmpty)
            #expect(tuned.deployment.snapshot.replicasOfEachVersion == 2)

            tuned.deployment.apply(wanted())
            while tuned.deployment.snapshot.wanted.scale != .tuned { await Task.yield() }
            try await tuned.tick { $0.tuner?.isSettled == true }
            #expect(try await tuned.ask() == 2)
        }
    }

    @Test("a new version begins with what was found for the one before")
    func update() async throws {
        let loads = Loads()
        try await tuning(engine(loads)) { tuned in
            try await tuned.tick { $0.tuner?.isSettled == true }
            tuned.deployment.apply(wanted(version: 2))
            while tuned.deployment.snapshot.controller.routes.defaultVersion != 2 { await Task.yield() }

            #expect(try await tuned.ask() == 2)
            #expect(tuned.deployment.snapshot.controller.count(of: 2) == 1)
        }
    }
}
