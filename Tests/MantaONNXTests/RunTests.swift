import MantaCore
import MantaONNX
import Testing

@Suite("Running a model")
struct RunTests {
    @Test("two inputs are added row by row, whatever the batch size", arguments: [1, 2, 7, 64, 3])
    func adds(rows: Int) throws {
        let model = try Fixture.model("add")
        let a = (0..<2 * rows).map { Float($0) }
        let b = a.map { 10 * $0 }

        let outputs = try model.run([Tensor(shape: [rows, 2], a), Tensor(shape: [rows, 2], b)], outputs: [0])

        #expect(outputs.map(\.shape) == [[rows, 2]])
        #expect(outputs[0].values(as: Float.self) == a.map { 11 * $0 })
    }

    @Test("every data type passes with its exact bytes", arguments: DataType.allCases.filter { $0 != .bytes })
    func identity(type: DataType) throws {
        let model = try Fixture.model("identity_\(type.rawValue.lowercased())")
        let width = try #require(type.byteWidth)
        let bytes = (0..<6 * width).map { type == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: 37 * $0 + 1) }
        let input = unsafe Tensor(type, shape: [3, 2], byteCount: bytes.count) { unsafe $0.copyBytes(from: bytes) }

        let output = try #require(try model.run([input], outputs: [0]).first)

        #expect(model.signature.inputs == [TensorSpec("x", type, [-1, -1], symbols: ["batch", nil])])
        #expect(output.dataType == type)
        #expect(output.shape == [3, 2])
        #expect(unsafe output.withUnsafeBytes { unsafe Array($0) } == bytes)
    }

    @Test("texts pass with their exact bytes: empty, with zeros, not UTF-8, long")
    func texts() throws {
        let model = try Fixture.model("identity_bytes")
        let elements: [[UInt8]] = [[], [0], Array("a\0b".utf8), [0xFF, 0xFE], Array(repeating: 7, count: 5000), []]

        let output = try #require(
            try model.run([Tensor(shape: [3, 2], elements: elements)], outputs: [0]).first)

        #expect(output.dataType == .bytes)
        #expect(output.shape == [3, 2])
        #expect(output.elements == elements)
    }

    @Test("texts can be worked with")
    func joinsTexts() throws {
        let model = try Fixture.model("concatenate")
        let inputs = [Tensor(shape: [2], strings: ["cat", ""]), Tensor(shape: [2], strings: ["fish", "dög"])]

        let output = try #require(try model.run(inputs, outputs: [0]).first)

        #expect(output.elements == ["catfish", "dög"].map { Array($0.utf8) })
    }

    @Test("a tensor without elements gives one without elements", arguments: [DataType.fp32, .int64, .bytes])
    func withoutElements(type: DataType) throws {
        let model = try Fixture.model("identity_\(type.rawValue.lowercased())")
        let input = unsafe Tensor(type, shape: [0, 5], byteCount: 0) { _ in }

        let output = try #require(try model.run([input], outputs: [0]).first)

        #expect(output.dataType == type)
        #expect(output.shape == [0, 5])
        #expect(output.byteCount == 0)
    }

    @Test("a scalar gives a scalar")
    func scalar() throws {
        let model = try Fixture.model("scalar")

        let output = try #require(try model.run([Tensor(shape: [], [4] as [Float])], outputs: [0]).first)

        #expect(output.shape == [])
        #expect(output.values(as: Float.self) == [-4])
    }

    @Test("an input whose shape the model leaves open takes any", arguments: [[], [0], [3], [2, 2]] as [Shape])
    func anyShape(shape: Shape) throws {
        let model = try Fixture.model("any_shape")
        let values = [Float](repeating: 4, count: shape.elementCount ?? 0)

        let output = try #require(try model.run([Tensor(shape: shape, values)], outputs: [0]).first)

        #expect(
            model.signature == ModelSignature(inputs: [.ofAnyShape("x", .fp32)], outputs: [.ofAnyShape("y", .fp32)]))
        #expect(try Fixture.model("scalar").signature.inputs == [TensorSpec("x", .fp32, [])])
        #expect(output.shape == shape)
        #expect(output.values(as: Float.self) == values.map { -$0 })
    }

    @Test("the outputs come in the order asked for", arguments: [[0, 1], [1, 0], [1], [0]])
    func outputOrder(order: [Int]) throws {
        let model = try Fixture.model("sum_and_greater")
        let inputs = [Tensor(shape: [2], [1, 5] as [Int64]), Tensor(shape: [2], [3, 4] as [Int64])]

        let outputs = try model.run(inputs, outputs: order)

        #expect(outputs.map(\.dataType) == order.map { [.int64, .bool][$0] })
        for (output, index) in zip(outputs, order) {
            if index == 0 { #expect(output.values(as: Int64.self) == [4, 9]) }
            if index == 1 { #expect(output.values(as: Bool.self) == [false, true]) }
        }
    }

    @Test("an optional input that is left out has its default")
    func defaultInput() throws {
        let model = try Fixture.model("default_scale")
        let x = Tensor(shape: [2], [1, 2] as [Float])

        let withDefault = try model.run([x, nil], outputs: [0])
        let withValue = try model.run([x, Tensor(shape: [1], [3] as [Float])], outputs: [0])

        #expect(model.signature.inputs.map(\.isOptional) == [false, true])
        #expect(withDefault[0].values(as: Float.self) == [10, 20])
        #expect(withValue[0].values(as: Float.self) == [3, 6])
    }

    @Test("numbers at an odd address are read right")
    func oddAddress() throws {
        let model = try Fixture.model("scalar")
        let bytes: [UInt8] = [9, 0, 0, 0x80, 0x3F]  // one byte of something else, then 1 as FP32
        let buffer = unsafe TensorBuffer(byteCount: 5) { unsafe $0.copyBytes(from: bytes) }

        let outputs = try model.run([Tensor(.fp32, shape: [], buffer: buffer, byteRange: 1..<5)], outputs: [0])

        #expect(outputs[0].values(as: Float.self) == [-1])
    }

    @Test("weights in a file beside the model are found")
    func externalData() throws {
        let model = try Fixture.model("external")

        let outputs = try model.run([Tensor(shape: [1, 2], [1, 10] as [Float])], outputs: [0])

        #expect(outputs[0].values(as: Float.self) == [31, 42])
    }

    @Test("a model gives the same with every option", arguments: EngineOptions.Optimization.allCases, [true, false])
    func options(optimization: EngineOptions.Optimization, memory: Bool) throws {
        var options = EngineOptions()
        options.optimization = optimization
        options.arena = memory
        options.memoryPattern = memory
        options.threads = 2
        let model = try Fixture.model("fixed", options)

        let outputs = try model.run([Tensor(shape: [2, 3], [1, 2, 3, 4, 5, 6] as [Float])], outputs: [0])

        #expect(outputs[0].values(as: Float.self) == [-1, -2, -3, -4, -5, -6])
    }
}
