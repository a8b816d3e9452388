import Logging
import MantaCore
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@testable import MantaServing

@Suite("A version on other servers", .timeLimit(.minutes(1)))
struct RemoteVersionTests {
    private static let first = RemoteAddress("http://first:8000/v2/models/m")!
    private static let second = RemoteAddress("http://second:8000/v2/models/m")!

    @Test("requests are answered by a server, and share batches")
    func answers() async throws {
        let remotes = FakeRemotes([Self.first: .init()])
        try await serving(remotes, [Self.first]) { version in
            let answers = try await withThrowingTaskGroup(of: [Float].self) { group in
                for value in 0..<20 {
                    group.addTask { try await version.answer(.columns(Float(value))).firstValues }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map { $0[0] }) == Set((0..<20).map(Float.init)))
            #expect(remotes.batches(at: Self.first).reduce(0, +) == 20)
        }
    }

    @Test("while both have nothing to do, a replica of this process runs what comes, not the server that was busy last")
    func ownFirst() async throws {
        let (own, other) = (Self.first, Self.second)
        let remotes = FakeRemotes([own: .init(), other: .init()], own: own)
        let gates = [own: AsyncStream.makeStream(of: Void.self), other: AsyncStream.makeStream(of: Void.self)]
        for (address, gate) in gates {
            remotes.change(address) { server in
                server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    for await _ in gate.stream {}
                    return [batch.inputs[0]!]
                }
            }
        }
        try await serving(remotes, [own, other]) { version in
            func answer() async throws { _ = try await version.answer(.columns(1)) }
            // Each has one batch; the other one's ends last.
            async let first: Void = answer()
            async let second: Void = answer()
            while remotes.batches(at: own).count + remotes.batches(at: other).count < 2 { await Task.yield() }
            for address in [own, other] {
                gates[address]?.continuation.finish()
                while version.remoteReplicas.contains(where: { $0.address == address && $0.ongoing > 0 }) {
                    await Task.yield()
                }
            }
            _ = try await (first, second)
            for _ in 0..<100 { try await answer() }
            #expect(remotes.batches(at: own).count > 3 * remotes.batches(at: other).count)
        }
    }

    @Test("of the lanes of a server, as many as it has replicas stand for one; the others are spare")
    func spareLanes() {
        let target = RemoteTarget(Self.first, time: ManualTime())
        _ = target.setReplicas(2)
        #expect([1, 2, 3].map(target.asks) == [true, true, false])
        target.took(2)
        target.took(3)
        // All replicas have a batch, or one more asks for them.
        #expect(!target.asks(2))
        // Now two have ended, and one of three is at work.
        #expect(target.asks(3))
        target.close(1)
        #expect(target.asks(2))
    }

    @Test(
        "a batch that a server lost, or that it doesn't answer any more, is run by another",
        arguments: [RemoteFailure.Kind.lost, .silent, .refused, .unreachable])
    func again(kind: RemoteFailure.Kind) async throws {
        let remotes = FakeRemotes([Self.first: .init(), Self.second: .init()])
        for address in [Self.first, Self.second] {
            // Whoever gets it first fails.
            remotes.change(address) { server in
                server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    if remotes.batches(at: Self.first).count + remotes.batches(at: Self.second).count == 1 {
                        throw RemoteFailure(kind, "\(address): gone")
                    }
                    return [batch.inputs[0]!]
                }
            }
        }
        try await serving(remotes, [Self.first, Self.second]) { version in
            let answer = try await version.answer(.columns(3))
            #expect(answer.firstValues == [3, 3])
        }
    }

    @Test("a request that may have run isn't run again where that does harm")
    func notIdempotent() async throws {
        let remotes = FakeRemotes([Self.first: .init(), Self.second: .init()])
        for address in [Self.first, Self.second] {
            remotes.change(address) { server in
                server.run = { (_: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    throw RemoteFailure(.lost, "\(address): closed")
                }
            }
        }
        try await serving(remotes, [Self.first, Self.second], configure: { $0.isIdempotent = false }) { version in
            let error = await #expect(throws: ServingError.self) { try await version.answer(.columns(1)) }
            #expect(error?.code == .modelUnavailable)
            #expect(error?.message.contains("closed; it may have run, and the model isn't idempotent") == true)
            #expect(remotes.batches(at: Self.first).count + remotes.batches(at: Self.second).count == 1)
        }
    }

    @Test("a request that two servers lost is not given to a third")
    func twice() async throws {
        let remotes = FakeRemotes([Self.first: .init(), Self.second: .init()])
        for address in [Self.first, Self.second] {
            remotes.change(address) { server in
                server.run = { (_: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    throw RemoteFailure(.lost, "\(address): closed")
                }
            }
        }
        try await serving(remotes, [Self.first, Self.second]) { version in
            let error = await #expect(throws: ServingError.self) { try await version.answer(.columns(1)) }
            #expect(error?.message.contains("it was tried twice") == true)
        }
    }

    @Test("a server that doesn't answer but lives is waited for; one that doesn't live is given up")
    func silence() async throws {
        let time = ManualTime()
        let remotes = FakeRemotes([Self.first: .init(), Self.second: .init()])
        let stuck = Mutex<RemoteAddress?>(nil)
        for address in [Self.first, Self.second] {
            remotes.change(address) { server in
                server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    let isFirst = stuck.withLock { stuck in
                        defer { stuck = stuck ?? address }
                        return stuck == nil
                    }
                    guard isFirst else { return [batch.inputs[0]!] }
                    try? await time.sleep(until: time.now + .seconds(3600))
                    throw RemoteFailure(.lost, "cancelled")
                }
            }
        }
        try await serving(remotes, [Self.first, Self.second], time: time) { version in
            async let answer = version.answer(.columns(5))
            let patience = RemoteReplicas.Patience().beforeLook
            for _ in 0..<3 {
                await time.sleeperExists(until: time.now + patience)
                time.advance(by: patience)
            }
            // It was asked three times whether it lives, and did.
            await time.sleeperExists(until: time.now + patience)
            #expect(remotes.batches(at: Self.first).count + remotes.batches(at: Self.second).count == 1)

            let address = try #require(stuck.withLock { $0 })
            remotes.change(address) { $0.deadness = RemoteFailure(.silent, "\(address): no answer in time") }
            time.advance(by: patience)
            let values = try await answer.firstValues
            #expect(values == [5, 5])
            let out = try #require(version.remoteReplicas.first { $0.address == address })
            #expect(out.outage?.reason == "\(address): no answer in time")
        }
    }

    @Test(
        "a server that is stopped is out once it let wait and look in vain, however little time requests have",
        arguments: [5, 300, 430, 10_000].map { Duration.milliseconds($0) })
    func stopped(timeout: Duration) async throws {
        let (time, patience) = (ManualTime(), RemoteReplicas.Patience())
        let remotes = FakeRemotes([Self.first: .init()])
        try await serving(remotes, [Self.first], time: time) { version in
            _ = try await version.answer(.columns(0))
            remotes.change(Self.first) { server in
                server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    // As the client does, which gives the server a moment to say that the time is over.
                    try? await time.sleep(until: time.now + batch.timeout + .milliseconds(250))
                    throw RemoteFailure(.late, "no answer in time")
                }
                server.delay = { try? await time.sleep(until: time.now + $0) }
                server.deadness = RemoteFailure(.silent, "no answer in time")
            }
            let sent = time.now
            async let answer = version.result(.columns(1), within: timeout)
            await time.sleeperExists(until: sent + patience.beforeLook)
            time.advance(by: patience.beforeLook)
            while remotes.looks(at: Self.first) == 0 { await Task.yield() }
            await time.sleeperExists(until: sent + patience.beforeLook + patience.look)
            #expect(version.remoteReplicas[0].outage == nil)

            if timeout < patience.look {
                time.advance(by: timeout)
                #expect(await answer == .failed(.deadlineExceeded))
                #expect(version.remoteReplicas[0].outage == nil)
            }
            time.advance(by: sent + patience.beforeLook + patience.look - time.now)
            while version.remoteReplicas[0].outage == nil { await Task.yield() }
            #expect(remotes.looks(at: Self.first) == 1)
            remotes.change(Self.first) { $0 = .init() }
            if timeout >= patience.look {
                // Its time isn't over: it is run again once the server is back.
                time.advance(by: .seconds(1))
                #expect(await answer == .answered([1, 1]))
            }
        }
    }

    @Test("a server whose answer came too late is asked whether it lives, and stays in if it does")
    func late() async throws {
        let time = ManualTime()
        let remotes = FakeRemotes([Self.first: .init()])
        try await serving(remotes, [Self.first], time: time) { version in
            _ = try await version.answer(.columns(0))
            remotes.change(Self.first) { server in
                server.run = { (_: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    throw RemoteFailure(.late, "no answer in time")
                }
            }
            for count in 1...3 {
                let error = await #expect(throws: ServingError.self) { try await version.answer(.columns(1)) }
                #expect(error?.code == .deadlineExceeded)
                while remotes.looks(at: Self.first) < count { await Task.yield() }
            }
            remotes.change(Self.first) { $0 = .init() }
            let values = try await version.answer(.columns(2)).firstValues
            #expect(values == [2, 2])
            #expect(version.remoteReplicas[0].outages == 0)
        }
    }

    @Test("one bad request of a batch doesn't fail the others, nor the server")
    func badRequest() async throws {
        let remotes = FakeRemotes([Self.first: .init()])
        remotes.change(Self.first) { server in
            server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                let values: [Float] = batch.inputs[0]!.values() ?? []
                guard !values.contains(-1) else { throw RemoteFailure(.answered(.engineFailed), "no -1") }
                return [batch.inputs[0]!]
            }
        }
        try await serving(remotes, [Self.first]) { version in
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for value in [1, -1, 2, -1, 3, 4] as [Float] {
                    group.addTask { (try? await version.answer(.columns(value))) != nil }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 } == 4)
            #expect(version.remoteReplicas[0].outage == nil)
        }
    }

    @Test("addresses come and go while requests are served")
    func addresses() async throws {
        let remotes = FakeRemotes([Self.first: .init(), Self.second: .init()])
        try await serving(remotes, [Self.first]) { version in
            _ = try await version.answer(.columns(1))
            version.move(to: .init([Self.second]))
            while remotes.batches(at: Self.second).isEmpty { _ = try await version.answer(.columns(2)) }
            let before = remotes.batches(at: Self.first).count
            for _ in 0..<20 { _ = try await version.answer(.columns(3)) }
            #expect(remotes.batches(at: Self.first).count <= before + 1)
            #expect(version.remoteReplicas.map(\.address) == [Self.second])
        }
    }

    @Test("a server is given as many batches at a time as it has replicas, and one more, also when that changes")
    func lanes() async throws {
        let running = Mutex(0)
        let most = Mutex(0)
        let remotes = FakeRemotes([Self.first: .init(description: .success(.init(signature: .twoColumns, maxRows: 1)))])
        remotes.change(Self.first) { server in
            server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                let now = running.withLock { running in
                    running += 1
                    return running
                }
                most.withLock { $0 = max($0, now) }
                for _ in 0..<20 { await Task.yield() }
                running.withLock { $0 -= 1 }
                return [batch.inputs[0]!]
            }
        }
        try await serving(remotes, [Self.first]) { version in
            for count in [3, 1, 5] {
                var places = WantedDeployment.Places([Self.first])
                places.replicas = [Self.first: count]
                version.move(to: places)
                #expect(version.remoteReplicas.map(\.replicas) == [count])
                // What runs with the lanes before ends first.
                for _ in 0..<3 {
                    most.withLock { $0 = 0 }
                    await withTaskGroup(of: Void.self) { group in
                        for value in 0..<60 { group.addTask { _ = try? await version.answer(.columns(Float(value))) } }
                    }
                }
                #expect(most.withLock { $0 } == count + 1)
            }
        }
    }

    @Test("requests are refused with the reason while no server answers, and served once one does")
    func outage() async throws {
        let remotes = FakeRemotes([Self.first: .init()])
        try await serving(remotes, [Self.first]) { version in
            _ = try await version.answer(.columns(0))
            remotes.change(Self.first) { server in
                server.description = .failure(RemoteFailure(.unreachable, "refused"))
                server.run = { (_: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    throw RemoteFailure(.unreachable, "\(Self.first): connection refused")
                }
            }
            // The first finds out. It waits, for the server may be back soon.
            async let held = version.answer(.columns(1))
            while version.remoteReplicas[0].outage == nil { await Task.yield() }
            let error = await #expect(throws: ServingError.self) { try await version.answer(.columns(1)) }
            #expect(error?.code == .modelUnavailable)
            #expect(error?.message.contains("no replica of m version 1 answers: ") == true)
            #expect(error?.retryAfter != nil)

            remotes.change(Self.first) { $0 = .init() }
            let values = try await held.firstValues
            #expect(values == [1, 1])
        }
    }

    @Test("a server whose model takes something else gets nothing")
    func signature() async throws {
        let other = ModelSignature(
            inputs: [TensorSpec("z", .fp32, [-1, 2])], outputs: [TensorSpec("y", .fp32, [-1, 2])])
        let remotes = FakeRemotes([
            Self.first: .init(), Self.second: .init(description: .success(.init(signature: other))),
        ])
        try await serving(remotes, [Self.first, Self.second]) { version in
            for _ in 0..<20 { _ = try await version.answer(.columns(1)) }
            #expect(remotes.batches(at: Self.second).isEmpty)
            while version.remoteReplicas[1].outage == nil { await Task.yield() }
            #expect(version.remoteReplicas[1].outage?.reason.contains("input \"x\" is gone") == true)
        }
    }

    @Test("what waits is answered when it stops, and it stops while no server answers")
    func stop() async throws {
        let remotes = FakeRemotes([Self.first: .init()])
        try await serving(remotes, [Self.first]) { version in
            let answers = await withTaskGroup(of: Bool.self) { group in
                for value in 0..<50 {
                    group.addTask { (try? await version.answer(.columns(Float(value)))) != nil }
                }
                while remotes.batches(at: Self.first).isEmpty { await Task.yield() }
                version.stop()
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(answers >= 1)
        }
        let gone = FakeRemotes([:])
        let version = version(gone, [Self.first], time: MachineTime())
        version.startReplica(0)
        async let life: Void = version.run()
        while version.obstacle == nil { await Task.yield() }
        version.stop()
        await life
    }

    /// A version that other servers have, for as long as the body runs.
    private func serving(
        _ remotes: FakeRemotes, _ addresses: [RemoteAddress], time: any TimeSource = MachineTime(),
        configure: (inout DeploymentConfiguration) -> Void = { _ in },
        _ body: @Sendable (ServedVersion) async throws -> Void
    ) async throws {
        let version = version(remotes, addresses, time: time, configure: configure)
        version.startReplica(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await version.run() }
            while !version.state.isReady { await Task.yield() }
            let result: Result<Void, any Error>
            do { result = .success(try await body(version)) } catch { result = .failure(error) }
            if let time = time as? ManualTime { await version.stop(advancing: time) } else { version.stop() }
            try result.get()
        }
    }

    private func version(
        _ remotes: FakeRemotes, _ addresses: [RemoteAddress], time: any TimeSource,
        configure: (inout DeploymentConfiguration) -> Void = { _ in }
    ) -> ServedVersion {
        var configuration = DeploymentConfiguration(name: "m")
        configure(&configuration)
        return ServedVersion(
            .remote(number: 1), configuration: configuration, engine: FakeEngine { _ in [] }, remotes: remotes,
            places: .init(addresses), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, time: time)
    }
}

extension InferenceRequest {
    /// One row with this value in both columns.
    static func columns(_ value: Float, _ trace: TraceContext? = nil) -> InferenceRequest {
        var request = InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [1, 2], [value, value]))])
        request.trace = trace
        return request
    }
}

private enum Outcome: Equatable {
    case answered([Float])
    case failed(ServingError.Code)
}

extension ServedVersion {
    /// Stops it and waits until it has. Those who look for its end look now and then, so that time has to pass.
    func stop(advancing time: ManualTime) async {
        stop()
        while state.word != VersionState.gone.word {
            time.advance(by: .milliseconds(50))
            await Task.yield()
        }
    }

    /// What comes of a request that has so much time.
    fileprivate func result(_ request: InferenceRequest, within limit: Duration) async -> Outcome {
        do throws(ServingError) {
            return .answered(try await infer(request, schedule: .init(timeout: limit))?.firstValues ?? [])
        } catch {
            return .failed(error.code)
        }
    }
}

extension InferenceResponse {
    var firstValues: [Float] { outputs[0].tensor.values() ?? [] }
}
