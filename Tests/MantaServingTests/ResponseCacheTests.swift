import MantaCore
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@testable import MantaServing

/// Counts the runs of each first value, and gives the inputs back.
private final class Counting: Sendable {
    let runs = Mutex<[Float: Int]>([:])
    let gate = Gate()

    /// The engine. 7 waits at the gate, -1 fails.
    func engine() -> FakeEngine {
        FakeEngine { [self] inputs throws(ServingError) in
            let first = inputs[0]?.values(as: Float.self)?.first ?? 0
            runs.withLock { $0[first, default: 0] += 1 }
            if first == 7 { gate.wait() }
            if first == -1 { throw ServingError(.engineFailed, "minus one") }
            return inputs.compactMap(\.self)
        }
    }

    func runs(of value: Float) -> Int { runs.withLock { $0[value] ?? 0 } }
}

private func request(_ values: Float..., rows: Int = 1) -> InferenceRequest {
    InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [rows, 2], values))])
}

private func code(_ task: Task<InferenceResponse, any Error>) async -> ServingError.Code? {
    do {
        _ = try await task.value
        return nil
    } catch {
        return (error as? ServingError)?.code
    }
}

@Suite("Response cache", .timeLimit(.minutes(1)))
struct ResponseCacheTests {
    @Test("a request that is asked again has its answer without a run")
    func hits() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
        } body: { version in
            let first = try await version.answer(request(5, 6))
            let second = try await version.answer(request(5, 6))
            let other = try await version.answer(request(5, 8))

            #expect(first.timing.cache == .miss)
            #expect(second.timing.cache == .hit)
            #expect(second.outputs.map(\.name) == ["y"])
            #expect(second.outputs[0].tensor.values() == [5, 6] as [Float])
            #expect(second.outputs[0].tensor.shape == [1, 2])
            #expect(other.outputs[0].tensor.values() == [5, 8] as [Float])
            #expect(counting.runs(of: 5) == 2)
            #expect(version.cache?.hits == 1)
            #expect(version.cache?.misses == 2)
            #expect(version.cache?.entries == 2)
        }
    }

    @Test("copies for a trial run, and leave nothing behind")
    func copies() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
        } body: { version in
            _ = try await version.infer(request(5, 6), isCopy: true)
            _ = try await version.infer(request(5, 6), isCopy: true)

            #expect(counting.runs(of: 5) == 2)
            #expect(version.cache?.entries == 0)
        }
    }

    @Test("of identical requests at a time one runs, and all have its answer")
    func singleFlight() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
            $0.replicas = 3
        } body: { version in
            let tasks = (0..<5).map { _ in Task { try await version.answer(request(7, 1)) } }
            try await onThread { counting.gate.waitUntilReached() }
            while version.live?.cache?.awaitedCount != 1 { await Task.yield() }
            counting.gate.open()

            for task in tasks { #expect(try await task.value.outputs[0].tensor.values() == [7, 1] as [Float]) }
            #expect(counting.runs(of: 7) == 1)
            #expect(version.cache?.misses == 1)
            #expect(version.cache?.hits == 4)
        }
    }

    @Test("if the caller of the first leaves, another one's request runs in its place")
    func cancellation() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
        } body: { version in
            let holding = Task { try await version.answer(request(7, 7)) }
            try await onThread { counting.gate.waitUntilReached() }
            let first = Task { try await version.answer(request(3, 4)) }
            while version.queueDepth < 1 { await Task.yield() }
            let second = Task { try await version.answer(request(3, 4)) }
            while version.live?.cache?.awaitedCount != 1 { await Task.yield() }
            first.cancel()

            #expect(await code(first) == .cancelled)
            while version.queueDepth < 1 { await Task.yield() }
            counting.gate.open()
            #expect(try await second.value.outputs[0].tensor.values() == [3, 4] as [Float])
            #expect(counting.runs(of: 3) == 1)
            _ = try await holding.value
        }
    }

    @Test("one that waits has a deadline of its own, and may leave")
    func ownDeadline() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
        } body: { version in
            let first = Task { try await version.answer(request(7, 7)) }
            try await onThread { counting.gate.waitUntilReached() }

            let late = await #expect(throws: ServingError.self) {
                try await version.infer(request(7, 7), schedule: .init(timeout: .milliseconds(1)))
            }
            let leaving = Task { try await version.answer(request(7, 7)) }
            while version.live?.cache?.awaitedCount != 1 { await Task.yield() }
            leaving.cancel()

            #expect(late?.code == .deadlineExceeded)
            #expect(await code(leaving) == .cancelled)
            counting.gate.open()
            #expect(try await first.value.outputs[0].tensor.values() == [7, 7] as [Float])
        }
    }

    @Test("no more requests wait for identical ones than may wait in the queue")
    func crowded() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
            $0.queue.maxRequests = 1
        } body: { version in
            let first = Task { try await version.answer(request(7, 7)) }
            try await onThread { counting.gate.waitUntilReached() }
            let second = Task { try await version.answer(request(7, 7)) }
            while version.live?.cache?.awaitedCount != 1 { await Task.yield() }

            let error = await #expect(throws: ServingError.self) { try await version.answer(request(7, 7)) }

            #expect(error?.code == .overloaded)
            #expect(error?.message.hasSuffix("1 requests wait for identical ones") == true)
            counting.gate.open()
            _ = try await (first.value, second.value)
        }
    }

    @Test("an error isn't kept")
    func errors() async throws {
        let counting = Counting()
        try await serving(counting.engine()) {
            $0.responseCache = .init()
        } body: { version in
            for _ in 0..<2 {
                let error = await #expect(throws: ServingError.self) { try await version.answer(request(-1, 0)) }
                #expect(error?.message == "minus one")
            }
            #expect(counting.runs(of: -1) == 2)
            #expect(version.cache?.entries == 0)
            #expect(version.cache?.byteCount == 0)
        }
    }

    @Test("a version that stops forgets everything")
    func stops() async throws {
        let version = try await serving(Counting().engine()) {
            $0.responseCache = .init()
        } body: { version in
            _ = try await version.answer(request(1, 2))
            #expect(version.cache?.entries == 1)
            return version
        }

        #expect(version.cache?.entries == 0)
        #expect(version.cache?.byteCount == 0)
    }

    @Test("requests whose digests collide have their own answers; so have those of the same bytes in other shapes")
    func collisions() {
        let cache = ResponseCache(.init())
        let now = Instant.now
        func key(_ shape: Shape, _ values: [Float], outputs: [Int] = [0]) -> CacheKey {
            CacheKey(inputs: [Tensor(shape: shape, values), nil], outputs: outputs, digest: 1)
        }
        let keys = [
            key([1, 4], [1, 2, 3, 4]), key([2, 2], [1, 2, 3, 4]), key([1, 4], [1, 2, 3, 5]),
            key([1, 4], [1, 2, 3, 4], outputs: [1]), key([1, 4], [1, 2, 3, 4], outputs: [0, 1]),
        ]

        for (index, key) in keys.enumerated() {
            guard case .missing = cache.find(key, at: now) else {
                Issue.record("\(index) was there")
                continue
            }
            cache.finish(key, .success([Tensor(shape: [1], [Float(index)])]), at: now)
        }

        for (index, key) in keys.enumerated() {
            guard case .kept(let entry) = cache.find(key, at: now) else {
                Issue.record("\(index) isn't there")
                continue
            }
            #expect(entry.outputs[0].values() == [Float(index)])
        }
    }

    @Test("one that collides with another that is being evaluated touches nothing of it")
    func pendingCollision() {
        let cache = ResponseCache(.init())
        let now = Instant.now
        func key(_ value: Float) -> CacheKey {
            CacheKey(inputs: [Tensor(shape: [1], [value])], outputs: [0], digest: 1)
        }
        let (first, second) = (key(1), key(2))

        if case .missing = cache.find(first, at: now) {} else { Issue.record("the first was there") }
        if case .missing = cache.find(second, at: now) {} else { Issue.record("the second was there") }
        cache.finish(second, .success([Tensor(shape: [1], [2 as Float])]), at: now)
        if case .pending = cache.find(key(1), at: now) {} else { Issue.record("the first isn't pending any more") }
        #expect(cache.awaitedCount == 1)
        cache.finish(first, .success([Tensor(shape: [1], [1 as Float])]), at: now)
        #expect(cache.awaitedCount == 0)

        for value in [1, 2] as [Float] {
            guard case .kept(let entry) = cache.find(key(value), at: now) else {
                Issue.record("\(value) isn't there")
                continue
            }
            #expect(entry.outputs[0].values() == [value])
        }
    }

    @Test("answers and keys are counted, and go when their time is over")
    func bound() {
        var configuration = DeploymentConfiguration.ResponseCache()
        // The place of the outputs and the key in six numbers, one of the input's values, then the output in five.
        configuration.maxBytes = 3 * (ResponseCache.overhead + 12 * 8)
        configuration.timeToLive = .seconds(1)
        let cache = ResponseCache(configuration)
        let now = Instant.now
        func key(_ value: Float) -> CacheKey { CacheKey(inputs: [Tensor(shape: [1], [value])], outputs: [0]) }

        for value in 0..<5 {
            let key = key(Float(value))
            _ = cache.find(key, at: now)
            cache.finish(key, .success([Tensor(shape: [1], [Float(value)])]), at: now)
        }

        #expect(cache.summary.entries == 3)
        #expect(cache.summary.evictions == 2)
        #expect(cache.summary.byteCount == configuration.maxBytes)
        if case .kept = cache.find(key(4), at: now) {} else { Issue.record("it isn't there") }
        if case .missing = cache.find(key(4), at: now + .seconds(1)) {} else { Issue.record("it is still there") }
    }
}
