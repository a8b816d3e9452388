import MantaCore
import MantaProtocol
import Testing

@Suite("Requests in JSON")
struct RequestTests {
    @Test("the example of the protocol is read")
    func example() throws {
        let json = """
            {
              "id" : "42",
              "inputs" : [
                { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
                { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true ] }
              ],
              "outputs" : [ { "name" : "output0" } ]
            }
            """.replacing("[ true ]", with: "[true, false, true]")

        let request = try decode(json).request

        #expect(request.id == "42")
        #expect(request.parameters == [:])
        #expect(request.outputs == ["output0"])
        #expect(request.inputs.map(\.name) == ["input0", "input1"])
        #expect(request.inputs[0].tensor.shape == [2, 2])
        #expect(request.inputs[0].tensor.values(as: UInt32.self) == [1, 2, 3, 4])
        #expect(request.inputs[1].tensor.values(as: Bool.self) == [true, false, true])
    }

    @Test("members come in any order, data before shape and datatype too")
    func memberOrder() throws {
        let members = [
            #""name":"x""#, #""shape":[2]"#, #""datatype":"FP32""#, #""data":[1,2.5]"#, #""more":[{"a":[]}]"#,
        ]
        for order in permutations(of: members) {
            let json = #"{"outputs":[],"inputs":[{\#(order.joined(separator: ","))}],"id":"7"}"#

            let request = try decode(json).request

            #expect(request.id == "7")
            #expect(request.inputs[0].tensor.values(as: Float.self) == [1, 2.5], "\(json)")
        }
    }

    private func permutations(of list: [String]) -> [[String]] {
        guard list.count > 1 else { return [list] }
        return list.indices.flatMap { index in
            var rest = list
            let first = rest.remove(at: index)
            return permutations(of: rest).map { [first] + $0 }
        }
    }

    @Test(
        "data may be flat or nested to any depth",
        arguments: [
            "[1,2,3,4]", "[[1,2],[3,4]]", "[[[1],[2]],[[3],[4]]]", "[[1,2,3],4]", "[[],1,[2,[3]],4,[]]",
            "[" + String(repeating: "[", count: 99) + "1,2,3,4" + String(repeating: "]", count: 99) + "]",
        ])
    func nesting(data: String) throws {
        #expect(try tensor(.int32, [2, 2], data).values(as: Int32.self) == [1, 2, 3, 4])
    }

    @Test("a shape may have zeros and no sizes at all")
    func emptyAndScalar() throws {
        #expect(try tensor(.fp32, [0, 5], "[]").byteCount == 0)
        #expect(try tensor(.bytes, [0], "[[],[]]").byteCount == 0)
        #expect(try tensor(.fp64, [], "[4]").values(as: Double.self) == [4])
    }

    @Test("parameters of all kinds are kept")
    func parameters() throws {
        let json = #"""
            {"inputs":[],"parameters":{"text":"a\"b","yes":true,"no":false,"whole":-9223372036854775808,"part":0.5,
            "power":1e3,"large":18446744073709551615}}
            """#

        #expect(
            try decode(json).request.parameters == [
                "text": .string("a\"b"), "yes": .bool(true), "no": .bool(false), "whole": .integer(.min),
                "part": .double(0.5), "power": .double(1000), "large": .double(18_446_744_073_709_551_616),
            ])
    }

    @Test("members that Manta doesn't know are passed over, whatever they are")
    func unknownMembers() throws {
        let json = #"""
            {"a":{"b":[1,{"c":null}],"d":{}},"inputs":[{"e":"\u00e9","name":"x","shape":[1],"f":[],"datatype":"INT8",
            "data":[1],"parameters":{"g":1}}],"outputs":[{"name":"y","h":[[]],"parameters":{"i":"j"}}],"k":-1.5e-3}
            """#

        let request = try decode(json).request

        #expect(request.inputs[0].tensor.values(as: Int8.self) == [1])
        #expect(request.outputs == ["y"])
    }

    @Test("escapes are understood, in names of members too")
    func escapes() throws {
        let json = #"""
            {"\u0069d":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00","inputs":[{"name":"\u0078","shape":[2],"datatype":"BYTES",
            "dat\u0061":["\u0000\u20ac","no escape, but long enough for eight at a time: é€😀"]}]}
            """#

        let request = try decode(json).request

        #expect(request.id == "\"\\/\u{8}\u{C}\n\r\té😀")
        #expect(request.inputs[0].name == "x")
        #expect(
            request.inputs[0].tensor.texts == ["\0€", "no escape, but long enough for eight at a time: é€😀"])
    }

    @Test("white space may be anywhere between tokens")
    func whiteSpace() throws {
        let json =
            " \n\t\r{ \"inputs\" : [ { \"name\" : \"x\" , \"shape\" : [ 1 , 2 ] ,\r\n\"datatype\" : \"FP32\" , "
            + "\"data\" : [ [ 1 , 2 ] ] } ] } \n"

        #expect(try decode(json).request.inputs[0].tensor.values(as: Float.self) == [1, 2])
    }

    @Test("a body without room behind it is read as well as one with room")
    func noRoom() throws {
        let text = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}"#
        for room in [0, 1, 64, 4096] {
            var body = Array(text.utf8)
            body.reserveCapacity(body.count + room)

            let decoded = try InferenceCodec.decode(body, headerLength: nil, signature: oneInput)

            #expect(decoded.request.inputs[0].tensor.values(as: Float.self) == [1])
        }
    }

    @Test("null stands for what is left out")
    func null() throws {
        let (request, _) = try decode(
            #"{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[1],"datatype":"INT8","#
                + #""parameters":{"a":null},"data":[7]}]}"#)

        #expect(request.id == nil && request.parameters.isEmpty && request.outputs.isEmpty)
        #expect(request.inputs.map(\.name) == ["x"])
    }
}
