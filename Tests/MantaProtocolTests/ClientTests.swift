import MantaCore
import MantaProtocol
import Testing

/// Bodies as real clients write them.
@Suite("Requests of real clients")
struct ClientTests {
    @Test("tritonclient with binary tensors, its default")
    func tritonclientBinary() throws {
        let json =
            #"{"id":"","inputs":[{"name":"INPUT0","shape":[1,2],"datatype":"INT32","#
            + #""parameters":{"binary_data_size":8}},{"name":"INPUT1","shape":[1,2],"datatype":"INT32","#
            + #""parameters":{"binary_data_size":8}}],"outputs":[{"name":"OUTPUT0","#
            + #""parameters":{"binary_data":true}},{"name":"OUTPUT1","parameters":{"binary_data":false}}],"#
            + #""parameters":{"sequence_id":0,"priority":1,"timeout":500000}}"#
        let binary: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]

        let (request, reply) = try decode(json, binary)
        let encoded = try encode(
            ["OUTPUT0", "OUTPUT1"].map { NamedTensor($0, Tensor(shape: [1], [9] as [UInt8])) }, as: reply)

        #expect(request.inputs.map { $0.tensor.values(as: Int32.self) } == [[1, 2], [3, 4]])
        #expect(request.outputs == ["OUTPUT0", "OUTPUT1"])
        #expect(
            request.parameters == ["sequence_id": .integer(0), "priority": .integer(1), "timeout": .integer(500_000)])
        #expect(encoded.binary == [9])
        #expect(encoded.json.hasSuffix(#""data":[9]}]}"#))
    }

    @Test("tritonclient without outputs named wants all of them in binary")
    func tritonclientAllOutputs() throws {
        let json =
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}],"#
            + #""parameters":{"binary_data_output":true}}"#

        let (request, reply) = try decode(json, [0, 0, 0x80, 0x3F])
        let encoded = try encode([NamedTensor("y", Tensor(shape: [1], [9] as [UInt8]))], as: reply)

        #expect(request.inputs[0].tensor.values(as: Float.self) == [1])
        #expect(request.outputs.isEmpty && request.parameters.isEmpty)
        #expect(encoded.binary == [9])
    }

    @Test("Python's json with requests: spaces, nested lists and 17 digits")
    func python() throws {
        let json = """
            {"inputs": [{"name": "X", "shape": [2, 2], "datatype": "FP32", "data": \
            [[0.10000000149011612, 0.20000000298023224], [NaN, -Infinity]]}], "id": "caf\\u00e9"}
            """

        let request = try decode(json).request
        let values = try #require(request.inputs[0].tensor.values(as: Float.self))

        #expect(values[0...1] == [0.1, 0.2])
        #expect(values[2].isNaN && values[3] == -.infinity)
        #expect(request.id == "café")
    }

    @Test("MLServer's client: content types in parameters, texts as BYTES")
    func mlserver() throws {
        let json = """
            {"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES","parameters":{"content_type":"str"},\
            "data":["one","two"]}],"parameters":{"content_type":"pd","headers":"x"}}
            """

        let request = try decode(json).request

        #expect(request.inputs[0].tensor.texts == ["one", "two"])
        #expect(request.parameters["content_type"] == .string("pd"))
    }
}

@Suite("Many and large requests")
struct LoadTests {
    private func body(of count: Int) -> [UInt8] {
        let data = (0..<count).map { String($0 % 1000) }.joined(separator: ",")
        return Array(#"{"inputs":[{"name":"x","shape":[\#(count)],"datatype":"INT32","data":[\#(data)]}]}"#.utf8)
    }

    @Test(
        "bodies of all sizes follow each other on a thread", arguments: [[1, 300_000, 2, 100_000, 3], [200_000, 1]])
    func sizes(counts: [Int]) throws {
        for count in counts {
            let request = try InferenceCodec.decode(body(of: count), headerLength: nil, signature: oneInput).request

            #expect(request.inputs[0].tensor.values(as: Int32.self) == (0..<count).map { Int32($0 % 1000) })
        }
    }

    @Test("many threads read and write at a time")
    func threads() async {
        await withTaskGroup(of: Void.self) { group in
            for task in 1...16 {
                group.addTask {
                    for round in 0..<50 {
                        let values = (0..<task * 20 + round).map { Float($0) / 7 }
                        let output = NamedTensor("y", Tensor(shape: [values.count], values))
                        let back = try? tensor(.fp32, [values.count], "[\((try? data(output.tensor)) ?? "")]")
                        #expect(back?.values(as: Float.self) == values)
                    }
                }
            }
        }
    }
}
