import MantaCore
import MantaONNX
import Testing

@Suite("What lives how long")
struct LifetimeTests {
    /// Overwrites freed memory, if there is any, with other numbers.
    private func disturb(_ model: any LoadedModel) throws {
        for _ in 0..<50 {
            let noise = Tensor(shape: [3], [-1, -1, -1] as [Float])
            _ = try model.run([noise], outputs: [0, 1])
        }
    }

    @Test("outputs outlive the model and the engine")
    func outputsOutliveModel() throws {
        var model: (any LoadedModel)? = try Fixture.model("add")
        weak let gone = model
        let input = Tensor(shape: [1, 2], [1, 2] as [Float])

        let outputs = try #require(try model?.run([input, input], outputs: [0]))
        model = nil

        #expect(gone == nil)
        #expect(outputs[0].values(as: Float.self) == [2, 4])
    }

    @Test("an output that is the input itself keeps the input's memory")
    func passThrough() throws {
        let model = try Fixture.model("pass_through")

        let outputs = try model.run([Tensor(shape: [3], [1, 2, 3] as [Float])], outputs: [0, 1])
        try disturb(model)

        #expect(outputs[0].values(as: Float.self) == [1, 2, 3])
        #expect(outputs[1].values(as: Float.self) == [-1, -2, -3])
    }

    @Test("an output that is a constant of the graph outlives the model")
    func constant() throws {
        var model: (any LoadedModel)? = try Fixture.model("constant")

        let outputs = try #require(try model?.run([Tensor(shape: [1], [5] as [Float])], outputs: [0, 1]))
        model = nil
        try disturb(Fixture.model("pass_through"))

        #expect(outputs[0].values(as: Float.self) == [1, 2, 3])
        #expect(outputs[1].values(as: Float.self) == [-5])
    }

    @Test("the outputs of earlier runs stay as they are")
    func outputsKeepTheirValues() throws {
        let model = try Fixture.model("add")
        let zero = Tensor(shape: [1, 2], [0, 0] as [Float])

        let outputs = try (0..<100).map { number in
            try model.run([Tensor(shape: [1, 2], [Float(number), 1]), zero], outputs: [0])[0]
        }

        #expect(outputs.map { $0.values(as: Float.self) } == (0..<100).map { [Float($0), 1] })
    }

    @Test("an output is freed with its last tensor")
    func outputIsFreed() throws {
        let model = try Fixture.model("add")
        let input = Tensor(shape: [1, 2], [1, 2] as [Float])

        var output: Tensor? = try model.run([input, input], outputs: [0])[0]
        weak let buffer = output?.buffer
        #expect(buffer != nil)
        output = nil

        #expect(buffer == nil)
    }
}
