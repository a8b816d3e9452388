import MantaCore
import MantaONNX
import Testing

@Suite("Running a model")
struct RunTests {
    @Test("two inputs are added row by row")
    func adds() throws {
        let model = try Fixture.model("add")
        let a = Tensor(shape: [2, 2], [1, 2, 3, 4] as [Float])
        let b = Tensor(shape: [2, 2], [10, 20, 30, 40] as [Float])

        let outputs = try model.run([a, b], outputs: [0])

        #expect(outputs.map(\.shape) == [[2, 2]])
        #expect(outputs[0].values(as: Float.self) == [11, 22, 33, 44])
    }
}
