import MantaCore
import MantaTestKit
import Testing

@testable import MantaServing

@Suite("A model as its configuration says")
struct AdaptedModelTests {
    /// A model that gives its inputs back.
    private func model(
        _ inputs: [TensorSpec], _ outputs: [TensorSpec], body: @escaping FakeEngine.Body = { $0.compactMap(\.self) }
    ) throws -> any LoadedModel {
        try FakeEngine(signature: ModelSignature(inputs: inputs, outputs: outputs), body: body).load(
            ModelSource(path: ""))
    }

    private func port(_ name: String, _ shape: [Int]? = nil, reshape: [Int]? = nil) -> TensorPort {
        var port = TensorPort(name: name)
        (port.shape, port.reshape) = (shape, reshape)
        return port
    }

    private func adapted(
        _ model: any LoadedModel, rows: Int = 0, inputs: [TensorPort] = [], outputs: [TensorPort] = []
    ) throws(ServingError) -> AdaptedModel {
        var configuration = DeploymentConfiguration(name: "m")
        configuration.batching.maxRows = rows
        (configuration.inputs, configuration.outputs) = (inputs, outputs)
        return try AdaptedModel(model, configuration)
    }

    @Test("shapes are narrowed by either side, and the batch goes before them")
    func narrows() throws {
        let model = try model([TensorSpec("x", .fp32, [-1, -1, 3])], [TensorSpec("y", .fp32, [-1, 2, -1])])

        let adapted = try adapted(model, rows: 4, inputs: [port("x", [2, -1])], outputs: [port("y", [-1, -1])])

        #expect(adapted.signature.inputs[0].shape == [-1, 2, 3])
        #expect(adapted.signature.outputs[0].shape == [-1, 2, -1])
    }

    @Test("tensors are reshaped on the way in and out, free sizes too")
    func reshapes() throws {
        let model = try model([TensorSpec("x", .fp32, [1, -1, 4])], [TensorSpec("y", .fp32, [1, -1, 4])])
        let adapted = try adapted(
            model, inputs: [port("x", [-1, 2, 2], reshape: [1, -1, 4])],
            outputs: [port("y", [-1, 4], reshape: [1, -1, 4])])

        let given = Tensor(shape: [3, 2, 2], (0..<12).map(Float.init))
        let output = try adapted.run([given], outputs: [0])[0]

        #expect(adapted.signature.inputs[0].shape == [-1, 2, 2])
        #expect(output.shape == [3, 4])
        #expect(output.values() == (0..<12).map(Float.init))
    }

    @Test("a row may be a scalar to the model and a list of one to clients")
    func scalarRows() throws {
        let model = try model([TensorSpec("x", .bytes, [-1])], [TensorSpec("y", .bytes, [-1])])
        let adapted = try adapted(
            model, rows: 8, inputs: [port("x", [1], reshape: [])], outputs: [port("y", [1], reshape: [])])

        let output = try adapted.run([Tensor(shape: [2, 1], strings: ["a", "b"])], outputs: [0])[0]

        #expect(output.shape == [2, 1])
        #expect(output.elements == [Array("a".utf8), Array("b".utf8)])
    }

    @Test("clients see the listed outputs in their order, with labels")
    func outputs() throws {
        let model = try model(
            [TensorSpec("x", .fp32, [-1])],
            [TensorSpec("a", .fp32, [-1]), TensorSpec("b", .fp32, [-1]), TensorSpec("c", .fp32, [-1])]
        ) { inputs in
            (0..<3).map { index in Tensor(shape: [1], [Float(index)]) }
        }
        var labelled = port("c")
        labelled.labels = .init(path: "l", names: ["cat"])
        let adapted = try adapted(model, outputs: [labelled, port("a")])

        #expect(adapted.signature.outputs.map(\.name) == ["c", "a"])
        #expect(adapted.signature.outputs.map(\.labels) == [["cat"], []])
        #expect(try adapted.run([nil], outputs: [1, 0]).map { $0.values(as: Float.self) } == [[0], [2]])
    }

    @Test("a model elsewhere, whose server doesn't say what classes are called, gets the configuration's labels")
    func labelled() {
        let signature = ModelSignature(
            inputs: [TensorSpec("x", .fp32, [-1])],
            outputs: [TensorSpec("a", .fp32, [-1]), TensorSpec("b", .fp32, [-1])])
        var (known, unknown) = (port("b"), port("c"))
        known.labels = .init(names: ["cat"])
        unknown.labels = .init(names: ["dog"])

        let labelled = signature.labelled(by: [known, unknown, port("a")])

        #expect(labelled.outputs.map(\.labels) == [[], ["cat"]] && labelled.inputs == signature.inputs)
    }

    @Test("an output that the configuration doesn't allow for is the engine's failure")
    func wrongOutput() throws {
        let model = try model([TensorSpec("x", .fp32, [-1])], [TensorSpec("y", .fp32, [-1])])
        let adapted = try adapted(model, outputs: [port("y", [2])])

        let error = #expect(throws: ServingError.self) {
            try adapted.run([Tensor(shape: [3], [1, 2, 3] as [Float])], outputs: [0])
        }

        #expect(error?.code == .engineFailed)
        #expect(
            error?.message == "output \"y\" has shape [3], which the configuration doesn't allow for: it says [2]")
    }

    @Test("what contradicts the model fails the load, and both are told")
    func contradictions() throws {
        let model = try model(
            [TensorSpec("x", .fp32, [1, 3]), TensorSpec("k", .int64, [1], isOptional: true)],
            [TensorSpec("y", .fp32, [-1, 3])])
        func message(rows: Int = 0, inputs: [TensorPort] = [], outputs: [TensorPort] = []) -> String? {
            do throws(ServingError) {
                _ = try adapted(model, rows: rows, inputs: inputs, outputs: outputs)
                return nil
            } catch {
                return error.message
            }
        }
        var typed = port("x")
        typed.dataType = .int8
        var optional = port("x")
        optional.isOptional = true

        #expect(message(inputs: [port("x")]) == nil)
        #expect(message(inputs: [port("z")]) == "the configuration has the input \"z\", the model only \"x\", \"k\"")
        #expect(
            message(inputs: [port("k")])
                == "the configuration has no input \"x\", which the model needs: FP32 [1, 3]")
        #expect(
            message(inputs: [typed]) == "input \"x\": the configuration has datatype INT8, the model FP32")
        #expect(
            message(inputs: [port("x", [1, 4])]) == "input \"x\": the configuration has shape [1, 4], the model [1, 3]")
        #expect(message(inputs: [port("x", [3])]) == "input \"x\": the configuration has shape [3], the model [1, 3]")
        #expect(
            message(rows: 4, inputs: [port("x", [3])])
                == "input \"x\": the configuration asks for batches, but the model has shape [1, 3], whose first "
                + "dimension isn't free; set max_batch_size to 0")
        #expect(
            message(rows: 4, outputs: [port("y", [4])])
                == "output \"y\": the configuration has shape [-1, 4] with the batch, the model [-1, 3]")
        #expect(
            message(inputs: [optional]) == "input \"x\": the configuration says it is optional, the model needs it")
    }
}

@Suite("Warm-up samples")
struct WarmupSampleTests {
    private func sample(_ content: WarmupSample.Content, _ type: DataType = .fp32, rows: Int = 2) -> WarmupSample {
        var sample = WarmupSample(name: "s")
        sample.rows = rows
        sample.inputs = [.init("x", type, [2], content)]
        return sample
    }

    private func tensor(_ sample: WarmupSample) throws -> Tensor {
        let signature = ModelSignature(inputs: [TensorSpec("x", sample.inputs[0].dataType, [-1, 2])], outputs: [])
        return try #require(try sample.tensors(for: signature, isBatched: true)[0])
    }

    @Test("zeros and random values of every type have the sample's rows", arguments: DataType.allCases)
    func types(type: DataType) throws {
        for content in [WarmupSample.Content.zeros, .random] {
            #expect(try tensor(sample(content, type)).shape == [2, 2])
        }
        let zeros = try tensor(sample(.zeros, type))
        #expect(unsafe zeros.withUnsafeBytes { unsafe $0.allSatisfy { $0 == 0 } })
    }

    @Test("random values are the same at each start, and finite")
    func random() throws {
        let values = try tensor(sample(.random)).values(as: Float.self)

        #expect(try tensor(sample(.random)).values(as: Float.self) == values)
        #expect(values?.allSatisfy { (0...1).contains($0) } == true)
    }

    @Test("a file has the bytes of all rows, or of one that is repeated; any other size is a fault")
    func files() throws {
        try TemporaryFolder.with { folder in
            func content(_ floats: [Float]) throws -> WarmupSample {
                try folder.write(unsafe floats.withUnsafeBytes { unsafe Array($0) }, to: "data")
                return sample(.file(.init(path: folder.path + "/data", stamp: "")))
            }

            let (all, one, odd) = (try content([1, 2, 3, 4]), [1, 2] as [Float], [1, 2, 3] as [Float])
            #expect(try tensor(all).values(as: Float.self) == [1, 2, 3, 4])
            let repeated = try content(one)
            #expect(try tensor(repeated).values(as: Float.self) == [1, 2, 1, 2])
            let wrong = try content(odd)
            let error = #expect(throws: ServingError.self) { try tensor(wrong) }
            #expect(
                error?.message == "input \"x\": \(folder.path)/data has 12 bytes, which are not FP32 [2, 2], nor one "
                    + "row of it")
        }
    }
}

@Suite("The order of replies")
struct ReplyOrderTests {
    @Test("a place has its turn when all before it are left", .timeLimit(.minutes(1)))
    func order() async {
        let order = ReplyOrder()
        let places = (0..<50).map { _ in order.enter() }
        let log = AsyncStream.makeStream(of: Int.self)
        await withTaskGroup(of: Void.self) { group in
            for place in places.reversed() {
                group.addTask {
                    await order.turn(of: place)
                    log.continuation.yield(place)
                    order.leave(place)
                }
            }
        }
        log.continuation.finish()

        var left: [Int] = []
        for await place in log.stream { left.append(place) }
        #expect(left == places)
    }

    @Test("whoever goes without having had a turn holds up nobody", .timeLimit(.minutes(1)))
    func leaves() async {
        let order = ReplyOrder()
        let (first, second) = (order.enter(), order.enter())
        let waiting = Task { await order.turn(of: second) }
        order.leave(first)

        await waiting.value
        order.leave(second)
        await order.turn(of: order.enter())
    }
}

@Suite("Priorities and policies")
struct QueueTermsTests {
    private var queue: DeploymentConfiguration.Queue {
        var queue = DeploymentConfiguration.Queue()
        queue.priorities = 3
        queue.defaultPriority = 2
        queue.defaultTimeout = .seconds(2)
        queue.timeoutOverride = .shorter
        queue.policies[1] = .init()
        queue.policies[1]?.onTimeout = .delay
        queue.policies[1]?.defaultTimeout = .seconds(1)
        queue.policies[3] = .init()
        queue.policies[3]?.timeoutOverride = .any
        return queue
    }

    @Test("a priority that is none, or isn't there, is the default one")
    func priorities() {
        #expect([0, 1, 2, 3, 4].map { queue.terms(of: .init(priority: $0)).priority } == [2, 1, 2, 3, 2])
        #expect([0, 7].map { DeploymentConfiguration.Queue().terms(of: .init(priority: $0)).priority } == [0, 7])
    }

    @Test("a request says of its time what the policy of its level lets it say")
    func timeouts() {
        func timeout(_ seconds: Int?, _ priority: UInt32) -> Duration {
            queue.terms(of: .init(timeout: seconds.map { .seconds($0) }, priority: priority)).timeout
        }

        #expect(timeout(nil, 2) == .seconds(2))
        #expect(timeout(1, 2) == .seconds(1))
        #expect(timeout(5, 2) == .seconds(2))
        #expect(timeout(5, 3) == .seconds(5))
        #expect(timeout(nil, 1) == .seconds(1))
        #expect(queue.terms(of: .init(priority: 1)).runsLate)
        #expect(!queue.terms(of: .init(priority: 2)).runsLate)
    }

    @Test("a request that may say nothing of its time is as patient as the queue")
    func none() {
        var queue = DeploymentConfiguration.Queue()
        queue.timeoutOverride = .none

        #expect(queue.terms(of: .init(timeout: .milliseconds(1))).timeout == .seconds(10))
    }
}
