import MantaCore
import MantaTestKit
import Testing

@Suite("Memory that the runtime keeps")
struct MemoryReturnTests {
    @Test("what a large run needed goes back to the system when asked for, and the model runs as before")
    func large() throws {
        let model = try Fixture.model("add")
        func run(rows: Int) throws {
            let input = Tensor(shape: [rows, 2], [Float](repeating: 1, count: rows * 2))
            let output = try #require(try model.run([input, input], outputs: [0]).first)
            #expect(output.shape == [rows, 2])
        }
        // What it allocates first, the runtime keeps for good.
        try run(rows: 1)
        #expect(model.keepsMemory)
        let rows = 16 << 20
        try run(rows: rows)

        let before = try writtenBytes()
        model.giveBackMemory()
        let after = try writtenBytes()

        // Other tests have some as well.
        #expect(before - after > rows * 8 / 2)
        try run(rows: 3)
    }

    @Test(
        "any model with free sizes can be asked for it, whatever its inputs",
        arguments: [
            "add", "any_shape", "concatenate", "default_scale", "gather", "reshape", "sum_and_greater",
            "identity_bytes",
        ])
    func kinds(name: String) throws {
        let model = try Fixture.model(name)

        model.giveBackMemory()
        model.giveBackMemory()
    }

    @Test("a model whose sizes are all fixed keeps what it will need again")
    func fixed() throws {
        #expect(try !Fixture.model("fixed").keepsMemory)
    }
}
