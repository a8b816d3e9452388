import MantaCore
import MantaServing
@testable import MantaGateway
import MantaTestKit
import Testing

@Suite("Classification")
struct ClassificationTests {
    private func texts(
        _ tensor: Tensor, _ count: Int, labels: [String] = [], hasRows: Bool = false
    ) throws -> (shape: Shape, texts: [String]) {
        let classes = try Classification(count: count, labels: labels, hasRows: hasRows)(tensor)
        return (classes.shape, classes.elements.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test("the largest come first, of equal ones that of the lower index, and NaN last")
    func order() throws {
        let values: [Float] = [.nan, 0.25, -1, 9, 0.25, .infinity, -.infinity, .nan]

        let found = try texts(Tensor(shape: [2, 4], values), 8)

        #expect(found.shape == [8])
        #expect(
            found.texts == [
                "inf:5", "9.000000:3", "0.250000:1", "0.250000:4", "-1.000000:2", "-inf:6", "nan:0", "nan:7",
            ])
    }

    @Test("every row has classes of its own if the first dimension counts rows")
    func rows() throws {
        let tensor = Tensor(shape: [2, 3], [1, 3, 2, 6, 4, 5] as [Int32])

        let found = try texts(tensor, 2, labels: ["a", "b"], hasRows: true)

        #expect(found.shape == [2, 2])
        #expect(found.texts == ["3:1:b", "2:2", "6:0:a", "5:2"])
        #expect(try texts(tensor, 2).texts == ["6:3", "5:5"])
    }

    @Test(
        "there are no more classes than elements",
        arguments: [
            ([0], false, [0]), ([2, 0], true, [2, 0]), ([0, 3], true, [0, 0]), ([], false, [1]), ([3], true, [3, 1]),
        ]
            as [(Shape, Bool, Shape)])
    func fewer(shape: Shape, hasRows: Bool, expected: Shape) throws {
        let tensor = Tensor(shape: shape, [UInt8](repeating: 5, count: shape.elementCount ?? 0))

        let found = try texts(tensor, .max, hasRows: hasRows)

        #expect(found.shape == expected)
        #expect(found.texts == [String](repeating: "5:0", count: expected.elementCount ?? 0))
    }

    @Test("integers are written whole, floats with six decimals")
    func numbers() throws {
        #expect(try texts(Tensor(shape: [1], [Int8.min]), 1).texts == ["-128:0"])
        #expect(try texts(Tensor(shape: [2], [Int16.max, .min]), 1).texts == ["32767:0"])
        #expect(try texts(Tensor(shape: [1], [Int64.min]), 1).texts == ["-9223372036854775808:0"])
        #expect(try texts(Tensor(shape: [1], [UInt16.max]), 1).texts == ["65535:0"])
        #expect(try texts(Tensor(shape: [1], [UInt32.max]), 1).texts == ["4294967295:0"])
        #expect(
            try texts(Tensor(shape: [2], [UInt64.max, 1 << 63]), 2).texts == [
                "18446744073709551615:0", "9223372036854775808:1",
            ])
        #expect(try texts(Tensor(shape: [1], [0.1] as [Float]), 1).texts == ["0.100000:0"])
        #expect(try texts(Tensor(shape: [1], [-1e-7]), 1).texts == ["-0.000000:0"])
        #expect(try texts(Tensor(shape: [1], [Double.greatestFiniteMagnitude]), 1).texts[0].count == 309 + 7 + 2)
    }

    @Test(
        "16-bit floats are numbers too",
        arguments: [(.fp16, 0x3800, 0x3C00), (.bf16, 0x3F00, 0x3F80)] as [(DataType, UInt16, UInt16)])
    func halves(type: DataType, half: UInt16, one: UInt16) throws {
        let words = Tensor(shape: [2], [half, one])

        #expect(try texts(Tensor(type, shape: [2], buffer: words.buffer), 2).texts == ["1.000000:1", "0.500000:0"])
    }

    @Test("the best of many are those of a full sort", arguments: 0..<20)
    func many(round: UInt64) throws {
        let seed = 0x6D61_6E74_6300 + round
        var random = SeededGenerator(seed: seed)
        let values = (0..<Int.random(in: 1...3000, using: &random)).map { _ in
            Int32.random(in: -200...200, using: &random)
        }
        let count = Int.random(in: 1...values.count + 2, using: &random)

        let found = try texts(Tensor(shape: [values.count], values), count).texts

        let sorted = values.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
        #expect(found == sorted.prefix(count).map { "\($0.element):\($0.offset)" }, "seed \(seed)")
    }
}

@Suite("Classification over HTTP", .timeLimit(.minutes(1)))
struct ClassificationRouteTests {
    private static let labelled: FakeEngine = {
        var signature = ModelSignature.twoColumns
        signature.outputs[0].labels = ["cat", "dög"]
        return FakeEngine(signature: signature) { $0.compactMap(\.self) }
    }()

    private func infer(
        _ engine: FakeEngine, batch: Int? = nil, _ parameters: String
    ) async throws -> SocketClient.Reply {
        try await serving(engine) {
            if let batch { $0.batching.maxRows = batch }
        } body: {
            try $0.request(
                "POST", "/v2/models/m/infer",
                body: body(
                    #"{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[0,1,3,2]}],"#
                        + #""outputs":[{"name":"y","parameters":{\#(parameters)}}]}"#))
        }
    }

    @Test("with a batch dimension each row is classified, without it the whole", arguments: [nil, 0])
    func json(batch: Int?) async throws {
        let reply = try await infer(Self.labelled, batch: batch, #""classification":2"#)

        #expect(reply.status == 200)
        let expected =
            batch == nil
            ? #""shape":[2,2],"data":["1.000000:1:dög","0.000000:0:cat","3.000000:0:cat","2.000000:1:dög"]"#
            : #""shape":[2],"data":["3.000000:2","2.000000:3"]"#
        #expect(reply.text.contains(#""outputs":[{"name":"y","datatype":"BYTES",\#(expected)}]"#), "\(reply.text)")
    }

    @Test("classes come in binary too")
    func binary() async throws {
        let reply = try await infer(Self.labelled, #""classification":1,"binary_data":true"#)

        let length = try #require(reply["Inference-Header-Content-Length"].flatMap { Int($0) })
        let binary = Array(reply.body[length...])
        #expect(
            reply.text.contains(#""datatype":"BYTES","shape":[2,1],"parameters":{"binary_data_size":\#(binary.count)}"#)
        )
        let expected: [[UInt8]] = ["1.000000:1:dög", "3.000000:0:cat"].map { text in
            [UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8)
        }
        #expect(binary == expected.flatMap(\.self))
    }

    @Test(
        "what can't be classified is refused",
        arguments: [
            (
                DataType.fp32, #""classification":0"#,
                #"output \"y\": parameter \"classification\": expected an integer of at least 1, found 0"#
            ),
            (
                .fp32, #""classification":"2""#,
                #"output \"y\": parameter \"classification\": expected an integer of at least 1, found \"2\""#
            ),
            (
                .fp32, #""classification":1,"shared_memory_region":"r","shared_memory_byte_size":8"#,
                #"output \"y\": classes can't be written into shared memory"#
            ),
            (
                .bytes, #""classification":1"#,
                #"output \"y\": classification: its elements are BYTES, which have no order"#
            ),
            (
                .bool, #""classification":1"#,
                #"output \"y\": classification: its elements are BOOL, which have no order"#
            ),
        ])
    func refused(type: DataType, parameters: String, message: String) async throws {
        var signature = ModelSignature.twoColumns
        signature.outputs[0].dataType = type
        let reply = try await infer(FakeEngine(signature: signature) { $0.compactMap(\.self) }, parameters)

        #expect(reply.status == 400)
        #expect(reply.text == "{\"error\":\"\(message)\"}")
    }
}
