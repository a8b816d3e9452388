import Logging
import MantaBatching
import MantaCore
import MantaTelemetry
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@testable import MantaServing

@Suite("A batch that is sent to a second server", .timeLimit(.minutes(1)))
struct HedgeTests {
    private static let usual = Duration.milliseconds(10)

    private let time = ManualTime()
    private let servers = HeldRemotes()
    private let registry = PrometheusRegistry()

    @Test("the second server's answer counts if it comes first; the first one's is called off, and isn't a failure")
    func wins() async throws {
        try await serving { version in
            async let answer = version.answer(.columns(5))
            let (slow, fast) = try await hedged()
            #expect(slow.address != fast.address)
            servers.answer(fast)

            let values = try await answer.firstValues
            #expect(values == [5, 5])
            while servers.calledOff != [slow.address] { await Task.yield() }
            #expect(version.remoteReplicas.allSatisfy { $0.isIn && $0.outages == 0 })
            #expect(counts == (sent: 1, won: 1))
            try await expectAllLanes(version)
            // It was asked before it got more.
            #expect(servers.remotes.looks(at: slow.address) == 1)
        }
    }

    @Test("the first server's answer counts if it still comes first, and the second one's lane is free again")
    func loses() async throws {
        try await serving { version in
            async let answer = version.answer(.columns(5))
            let (slow, fast) = try await hedged()
            servers.answer(slow)

            let values = try await answer.firstValues
            #expect(values == [5, 5])
            while servers.calledOff != [fast.address] { await Task.yield() }
            #expect(counts == (sent: 1, won: 0))
            try await expectAllLanes(version)
        }
    }

    @Test(
        "what goes wrong at the second server is its own, and nothing of the request",
        arguments: [RemoteFailure.Kind.lost, .refused, .answered(.engineFailed), .late])
    func fails(kind: RemoteFailure.Kind) async throws {
        try await serving { version in
            async let answer = version.answer(.columns(5))
            let (slow, fast) = try await hedged()
            servers.answer(fast, RemoteFailure(kind, "no"))
            if kind == .lost || kind == .refused {
                while version.replica(at: fast.address)?.outage == nil { await Task.yield() }
            }
            #expect(await servers.held(1).map(\.address) == [slow.address])
            servers.answer(slow)

            let values = try await answer.firstValues
            #expect(values == [5, 5])
            #expect(version.replica(at: slow.address)?.outage == nil)
            #expect(counts == (sent: 1, won: 0))
        }
    }

    @Test("if the first server is lost, the second one still answers: nothing is tried again")
    func firstIsLost() async throws {
        try await serving { version in
            let before = servers.count
            async let answer = version.answer(.columns(5))
            let (slow, fast) = try await hedged()
            servers.answer(slow, RemoteFailure(.lost, "closed"))
            while version.replica(at: slow.address)?.outage == nil { await Task.yield() }
            servers.answer(fast)

            let values = try await answer.firstValues
            #expect(values == [5, 5])
            #expect(servers.count == before + 2)
        }
    }

    @Test("a server that is dead is found out although others answer in its place")
    func dead() async throws {
        try await serving { version in
            async let answer = version.answer(.columns(5))
            let (slow, fast) = try await hedged()
            servers.remotes.change(slow.address) { $0.deadness = RemoteFailure(.silent, "no answer in time") }
            servers.answer(fast)

            let values = try await answer.firstValues
            #expect(values == [5, 5])
            while version.replica(at: slow.address)?.outage == nil { await Task.yield() }
            #expect(version.replica(at: fast.address)?.isIn == true)
        }
    }

    @Test("where no lane idles at another server, nothing is sent twice until one does")
    func noRoom() async throws {
        try await serving { version in
            let before = servers.count
            try await withThrowingTaskGroup(of: Void.self) { group in
                for value in 0..<4 { group.addTask { _ = try await version.answer(.columns(Float(value))) } }
                let held = await servers.held(4)
                await time.sleeperExists(until: time.now + Self.usual)
                time.advance(by: Self.usual)
                // It is tried again after as long.
                await time.sleeperExists(until: time.now + Self.usual)
                #expect(servers.count == before + 4)

                let free = held[0]
                servers.answer(free)
                while version.replica(at: free.address)?.ongoing == 2 { await Task.yield() }
                time.advance(by: Self.usual)
                let all = await servers.held(4)
                #expect(all.last?.address == free.address)
                for held in all { servers.answer(held) }
                try await group.waitForAll()
            }
            #expect(counts.sent == 1)
        }
    }

    @Test("no more are sent twice than the budget allows")
    func budget() async throws {
        // Of 32 batches that is less than one.
        try await serving(budget: 0.02) { version in
            let before = servers.count
            async let answer = version.answer(.columns(5))
            let held = await servers.held(1)
            await time.sleeperExists(until: time.now + Self.usual)
            time.advance(by: Self.usual)
            await time.sleeperExists(until: time.now + Self.usual)
            servers.answer(held[0])

            _ = try await answer
            #expect(servers.count == before + 1 && counts.sent == 0)
        }
    }

    @Test("the headers of a batch's trace are those of its first request that has any, wherever it is sent")
    func trace() async throws {
        let traces = ["a", "b"].map {
            TraceContext(parent: "00-\(String(repeating: $0, count: 32))-00f067aa0ba902b7-01")
        }
        try await serving { version in
            async let answer = version.answer(.columns(5, traces[0]))
            let (slow, fast) = try await hedged()
            #expect([slow, fast].map(\.trace?.id) == [traces[0]?.id, traces[0]?.id])
            servers.answer(fast)
            _ = try await answer
        }
        let requests = [nil, traces[1], traces[0]].map { trace in
            QueuedRequest(
                id: 0, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: time.now,
                deadline: time.now,
                payload: PendingInference(inputs: [Tensor(shape: [1, 2], [Float(0), 0])], outputs: [0], trace: trace))
        }
        let form = BatchForm(signature: .twoColumns, plan: try BatchPlan(signature: .twoColumns, configured: 8))
        #expect(RemoteWork(requests, form, time: time).call.trace?.id == traces[1]?.id)
        #expect(RemoteWork([requests[0]], form, time: time).call.trace == nil)
    }

    // MARK: - Steps

    private var counts: (sent: Int, won: Int) {
        let lines = registry.render().split(separator: "\n")
        let values = ["manta_hedges_sent_total{", "manta_hedges_won_total{"].map { name in
            lines.first { $0.hasPrefix(name) }.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
        }
        return (values[0], values[1])
    }

    /// Lets a batch wait until it was sent twice: where it was first, and where then.
    private func hedged() async throws -> (slow: HeldRemotes.Held, fast: HeldRemotes.Held) {
        _ = await servers.held(1)
        await time.sleeperExists(until: time.now + Self.usual)
        time.advance(by: Self.usual)
        let held = await servers.held(2)
        return (held[0], held[1])
    }

    /// Each server gets as many batches at a time as it has lanes.
    private func expectAllLanes(_ version: ServedVersion) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for value in 0..<5 { group.addTask { _ = try await version.answer(.columns(Float(value))) } }
            let held = await servers.held(4)
            #expect(HeldRemotes.addresses.map { address in held.count { $0.address == address } } == [2, 2])
            for held in held { servers.answer(held) }
            for held in await servers.held(1) { servers.answer(held) }
            try await group.waitForAll()
        }
    }

    /// A version on two servers, both of which are in, and whose batches took ``usual`` until now.
    private func serving(budget: Double = 0.1, _ body: @Sendable (ServedVersion) async throws -> Void) async throws {
        var configuration = DeploymentConfiguration(name: "m")
        configuration.hedge = .init()
        configuration.hedge?.budget = budget
        configuration.queue.defaultTimeout = .seconds(3600)
        let version = ServedVersion(
            .remote(number: 1), configuration: configuration,
            metrics: VersionMetrics(ModelID(name: "m", version: 1), factory: registry),
            engine: FakeEngine { _ in [] }, remotes: servers.remotes, places: .init(HeldRemotes.addresses),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, time: time)
        version.startReplica(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await version.run() }
            while !version.state.isReady { await Task.yield() }
            for _ in 0..<BatchTimes.least / 2 { try await pair(version) }
            let result: Result<Void, any Error>
            do { result = .success(try await body(version)) } catch { result = .failure(error) }
            await version.stop(advancing: time)
            try result.get()
        }
    }

    /// Two batches at a time, one at each server.
    private func pair(_ version: ServedVersion) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for value in 0..<2 { group.addTask { _ = try await version.answer(.columns(Float(value))) } }
            let held = await servers.held(2)
            time.advance(by: Self.usual)
            for held in held { servers.answer(held) }
            try await group.waitForAll()
        }
    }
}

extension ServedVersion {
    fileprivate func replica(at address: RemoteAddress) -> RemoteActivity? {
        remoteReplicas.first { $0.address == address }
    }
}
