import Logging
import MantaBatching
import MantaCore
import MantaServing
import MantaTestKit
import Synchronization
import Testing

private func request(_ values: [Float]) -> InferenceRequest {
    InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [values.count / 2, 2], values))])
}

/// Gives back its input.
private let identity: FakeEngine.Body = { inputs in inputs.compactMap(\.self) }

@Suite("A served version", .timeLimit(.minutes(1)))
struct ServedVersionTests {
    @Test("each of thousands of concurrent requests gets its own rows back")
    func repliesAreNeverCrossed() async throws {
        let engine = FakeEngine(body: identity)
        try await serving(engine) {
            $0.replicas = 3
        } body: { version in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<4000 {
                    group.addTask {
                        let rows = 1 + index % 3
                        let values = (0..<rows * 2).map { Float(index * 10 + $0) }
                        let response = try await version.answer(request(values))
                        #expect(response.outputs[0].tensor.values() == values)
                    }
                    if index % 500 == 499 { try await group.waitForAll() }
                }
            }
        }
        #expect(engine.rowsOfRuns.contains { $0 > 3 }, "nothing was ever batched")
    }

    @Test("a request larger than a batch is cut and put together again")
    func largeRequestIsSplit() async throws {
        let engine = FakeEngine(body: identity)
        let values = (0..<50).map { Float($0) }
        try await serving(engine) {
            $0.batching.maxRows = 4
        } body: { version in
            let response = try await version.answer(request(values))
            #expect(response.outputs[0].tensor.values() == values)
            #expect(response.outputs[0].tensor.shape == [25, 2])
        }
        #expect(engine.rowsOfRuns.allSatisfy { $0 <= 4 })
    }

    @Test("one bad request doesn't fail the others of its batch")
    func badRequestFailsAlone() async throws {
        let gate = Gate()
        let engine = FakeEngine { inputs throws(ServingError) in
            let values: [Float] = inputs[0]?.values() ?? []
            if values.first == 7 { gate.wait() }
            if values.contains(-1) { throw ServingError(.engineFailed, "minus one") }
            return [inputs[0]].compactMap(\.self)
        }
        try await serving(engine) {
            // Batches are full from the start.
            $0.batching.maxDelay = .microseconds(1)
        } body: { version in
            async let holding = version.answer(request([7, 7]))
            try await onThread { gate.waitUntilReached() }
            // The only replica is held, so these three become one batch.
            async let good = version.answer(request([1, 2]))
            let bad = Task { try await version.answer(request([-1, 0])) }
            async let alsoGood = version.answer(request([3, 4]))
            while version.queueDepth < 3 { await Task.yield() }
            gate.open()

            #expect(try await good.outputs[0].tensor.values() == [1, 2] as [Float])
            #expect(try await alsoGood.outputs[0].tensor.values() == [3, 4] as [Float])
            await #expect { try await bad.value } throws: { ($0 as? ServingError)?.message == "minus one" }
            _ = try await holding
        }
        #expect(engine.rowsOfRuns.contains(3))
    }

    @Test("a request whose caller has gone never reaches the engine")
    func cancelledRequestNeverRuns() async throws {
        let gate = Gate()
        let engine = FakeEngine { inputs in
            if inputs[0]?.values() == [7, 7] as [Float] { gate.wait() }
            return inputs.compactMap(\.self)
        }
        try await serving(engine) { _ in
        } body: { version in
            async let holding = version.answer(request([7, 7]))
            try await onThread { gate.waitUntilReached() }
            let leaving = Task { try await version.answer(request([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])) }
            while version.queueDepth < 1 { await Task.yield() }
            leaving.cancel()

            await #expect { try await leaving.value } throws: { ($0 as? ServingError)?.code == .cancelled }
            #expect(version.queueDepth == 0)
            gate.open()
            _ = try await holding
        }
        #expect(!engine.rowsOfRuns.contains(5))
    }

    @Test("a full queue refuses with a time to come back")
    func fullQueueRefuses() async throws {
        let gate = Gate()
        let engine = FakeEngine { inputs in
            if inputs[0]?.values() == [7, 7] as [Float] { gate.wait() }
            return inputs.compactMap(\.self)
        }
        try await serving(engine) {
            $0.queue.maxRequests = 1
        } body: { version in
            async let holding = version.answer(request([7, 7]))
            try await onThread { gate.waitUntilReached() }
            async let waiting = version.answer(request([1, 2]))
            while version.queueDepth < 1 { await Task.yield() }

            await #expect {
                try await version.answer(request([3, 4]))
            } throws: { error in
                let error = error as? ServingError
                return error?.code == .overloaded && error?.retryAfter != nil
                    && error?.message == "the queue of m version 1 is full: 1 requests wait"
            }
            gate.open()
            _ = try await (holding, waiting)
        }
    }

    @Test("a model whose outputs don't follow the batch is never batched")
    func outputsThatDoNotFollowTheBatch() async throws {
        let engine = FakeEngine { _ in [Tensor(shape: [1, 2], [0, 0] as [Float])] }
        try await serving(engine) { version in
            #expect(version.plan?.maxRows == 0)
            #expect(version.plan?.reason == "output \"y\" had shape [1, 2] for 2 rows")
            let response = try await version.answer(request([1, 2, 3, 4]))
            #expect(response.outputs[0].tensor.shape == [1, 2])
        }
    }

    @Test("a model that can't be loaded says why to every request")
    func failedModelSaysWhy() async throws {
        let engine = FakeEngine(loadError: ServingError(.modelUnavailable, "not a model"), body: identity)
        try await serving(engine) { version in
            await #expect {
                try await version.answer(request([1, 2]))
            } throws: { error in
                let error = error as? ServingError
                return error?.code == .modelUnavailable && error?.message == "m version 1 failed: not a model"
            }
        }
    }

    @Test("a model that fails its warm-up is failed")
    func failedWarmup() async throws {
        let engine = FakeEngine { _ throws(ServingError) in throw ServingError(.engineFailed, "boom") }
        try await serving(engine) { version in
            guard case .failed(let error) = version.state else {
                Issue.record("state is \(version.state.word)")
                return
            }
            #expect(error.message == "warm-up with 1 rows of made-up inputs failed: boom")
        }
    }

    @Test("whole numbers and texts may be such as the model rightly refuses, so made-up ones fail nothing")
    func unsuitableWarmup() async throws {
        for type in [DataType.int64, .uint8, .bytes] {
            let signature = ModelSignature(
                inputs: [TensorSpec("x", .fp32, [-1, 2]), TensorSpec("shape", type, [-1])],
                outputs: [TensorSpec("y", .fp32, [-1, 2])])
            let engine = FakeEngine(signature: signature) { _ throws(ServingError) in
                throw ServingError(.engineFailed, "no such shape")
            }
            try await serving(engine) { version in #expect(version.state.isReady) }
        }
    }

    @Test("requests to a model that takes any shape run alone")
    func anyShape() async throws {
        let signature = ModelSignature(inputs: [.ofAnyShape("x", .fp32)], outputs: [.ofAnyShape("y", .fp32)])
        try await serving(FakeEngine(signature: signature, body: identity)) { version in
            for shape in [[], [3], [2, 1, 2]] as [Shape] {
                let tensor = Tensor(shape: shape, [Float](repeating: 7, count: shape.elementCount ?? 0))
                let response = try await version.answer(InferenceRequest(inputs: [NamedTensor("x", tensor)]))
                #expect(response.outputs[0].tensor.shape == shape)
                #expect(!response.hasRows)
            }
            #expect(version.plan?.reason == "input \"x\" may have any shape")
        }
    }

    @Test("the timing tells the rows of the batch")
    func timingTellsTheBatch() async throws {
        try await serving(FakeEngine(body: identity)) { version in
            let response = try await version.answer(request([1, 2, 3, 4]))
            #expect(response.timing.batchRows == 2)
            #expect(response.timing.queue >= .zero)
        }
    }

    @Test("a request of more rows than a thousand batches is refused, also if they cost nothing to send")
    func tooManyRows() async throws {
        let engine = FakeEngine(
            signature: ModelSignature(
                inputs: [TensorSpec("x", .fp32, [-1, -1])], outputs: [TensorSpec("y", .fp32, [-1, -1])]),
            body: identity)
        try await serving(engine) {
            $0.batching.maxRows = 4
        } body: { version in
            for rows in [4097, 1_000_000_000_000, Int.max] {
                let empty = Tensor(shape: Shape([rows, 0]), [] as [Float])
                let error = await #expect(throws: ServingError.self) {
                    try await version.answer(InferenceRequest(inputs: [NamedTensor("x", empty)]))
                }
                #expect(error?.code == .invalidRequest)
                #expect(error?.message.contains("the request has \(rows) rows; at most 4096 are taken") == true)
            }
            let fits = Tensor(shape: [4096, 0], [] as [Float])
            let response = try await version.answer(InferenceRequest(inputs: [NamedTensor("x", fits)]))
            #expect(response.outputs[0].tensor.shape == [4096, 0])
        }
    }
}
