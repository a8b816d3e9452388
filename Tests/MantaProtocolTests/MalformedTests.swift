import MantaCore
import MantaProtocol
import Testing

@Suite("Requests that aren't as they should be")
struct MalformedTests {
    @Test(
        "text that isn't JSON is refused with its place",
        arguments: [
            ("", "the body is empty: expected a JSON object"),
            (" \n ", "the body is empty: expected a JSON object"),
            ("{", "malformed JSON at byte 1: the text ends before its object is closed"),
            (#"{"id":"a""#, "malformed JSON at byte 9: the text ends before its object is closed"),
            (#"{"id":"a" "b":1}"#, #"malformed JSON at byte 10: expected "," or "}", found "b""#),
            (#"{"id":"a",}"#, "malformed JSON at byte 10: expected a member's name in quotes, found }"),
            (#"{id:"a"}"#, "malformed JSON at byte 1: expected a member's name in quotes, found id"),
            (#"{"id" "a"}"#, #"malformed JSON at byte 6: expected ":", found "a""#),
            (#"{"id":}"#, "malformed JSON at byte 6: expected a value, found }"),
            (#"{"a":[1 2]}"#, #"malformed JSON at byte 8: expected "," or "]", found 2"#),
            (#"{"a":[1,]}"#, "malformed JSON at byte 8: expected a value, found ]"),
            (#"{"a":[1}}"#, #"malformed JSON at byte 7: expected "," or "]", found }"#),
            (#"{"a":{"b":1]}"#, #"malformed JSON at byte 11: expected "," or "}", found ]"#),
            (#"{"a":01}"#, "malformed JSON at byte 5: 01 isn't a number in JSON"),
            (#"{"a":1.}"#, "malformed JSON at byte 5: 1. isn't a number in JSON"),
            (#"{"a":-}"#, "malformed JSON at byte 5: - isn't a number in JSON"),
            (#"{"a":1e}"#, "malformed JSON at byte 5: 1e isn't a number in JSON"),
            (#"{"a":tru}"#, "malformed JSON at byte 5: expected a value, found tru"),
            (#"{"a":'b'}"#, "malformed JSON at byte 5: expected a value, found 'b'"),
            (#"{"a":"\x"}"#, #"malformed JSON at byte 5: the string "\x" has an escape that JSON doesn't have"#),
            (
                #"{"a":"\ud800"}"#,
                #"malformed JSON at byte 5: the string "\ud800" has an escape that JSON doesn't have"#
            ),
            (#"{"a":"b}"#, "malformed JSON at byte 5: a string without its closing quote"),
            (
                "{\"a\":\"b\u{1}\"}",
                #"malformed JSON at byte 7: a control character in a string, which needs an escape: \u0001"#
            ),
            (#"{"inputs":[]} x"#, "malformed JSON at byte 14: expected the end, found x"),
            (#"{"inputs":[]}{}"#, "malformed JSON at byte 13: expected the end, found {"),
            (#"{"inputs":[]}]"#, "malformed JSON at byte 13: expected the end, found ]"),
            ("[]", "the body: expected a JSON object, found ["),
            ("nonsense", "the body: expected a JSON object, found nonsense"),
        ])
    func malformed(json: String, message: String) {
        #expect(refusal(of: json) == message)
    }

    @Test(
        "bytes that aren't UTF-8 are refused with their place",
        arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        let body = Array(#"{"id":"é"#.utf8) + bytes + Array(#""}"#.utf8)

        let message = refusal { () throws(ServingError) in
            _ = try InferenceCodec.decode(body, headerLength: nil, signature: oneInput)
        }

        #expect(message == "malformed JSON at byte 9: not UTF-8")
    }

    @Test(
        "deep nesting is refused, wherever it is", arguments: ["a", "inputs", "parameters", "id", "data", "outputs"])
    func deepNesting(member: String) {
        for bracket in ["[", "{\"a\":"] {
            let deep = String(repeating: bracket, count: 100_000)
            let json =
                member == "data"
                ? #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":\#(deep)}"#
                : #"{"\#(member)":\#(deep)}"#

            #expect(!refusal(of: json).isEmpty)
        }
    }

    @Test("data nested 101 deep is refused")
    func tooDeep() {
        let data = String(repeating: "[", count: 101) + "1" + String(repeating: "]", count: 101)

        #expect(refusal(of: .fp32, data) == "malformed JSON at byte 160: nested more than 100 deep")
        #expect(
            refusal(of: #"{"inputs":[{"data":\#(data),"name":"x"}]}"#)
                == "malformed JSON at byte 119: nested more than 100 deep")
    }

    @Test(
        "members of the wrong kind are refused by name",
        arguments: [
            (#"{"id":5,"inputs":[]}"#, "id: expected a string, found 5"),
            (#"{}"#, "inputs is missing"), (#"{"inputs":{}}"#, "inputs: expected an array, found {"),
            (#"{"inputs":[5]}"#, "inputs[0]: expected an object, found 5"),
            (#"{"inputs":[],"outputs":"y"}"#, #"outputs: expected an array, found "y""#),
            (#"{"inputs":[],"outputs":[["y"]]}"#, "outputs[0]: expected an object, found ["),
            (#"{"inputs":[],"outputs":[{}]}"#, "outputs[0]: name is missing"),
            (#"{"inputs":[],"outputs":[{"name":1}]}"#, "outputs[0]: name: expected a string, found 1"),
            (#"{"inputs":[],"parameters":[]}"#, "parameters: expected an object, found ["),
            (
                #"{"inputs":[],"parameters":{"a":{"b":1}}}"#,
                #"parameter "a": expected a string, a number or a boolean, found {"#
            ),
            (
                #"{"inputs":[],"parameters":{"a":1e400}}"#,
                #"parameter "a": expected a string, a number or a boolean, found 1e400"#
            ),
            (
                #"{"inputs":[],"parameters":{"triton_enable_empty_final_response":true}}"#,
                #"parameter "triton_enable_empty_final_response": names that begin with "triton_" are reserved"#
            ),
            (
                #"{"inputs":[],"parameters":{"binary_data_output":1}}"#,
                #"parameter "binary_data_output": expected true or false"#
            ),
            (
                #"{"inputs":[],"outputs":[{"name":"y","parameters":{"binary_data":"yes"}}]}"#,
                #"output "y": parameter "binary_data": expected true or false"#
            ),
        ])
    func wrongKind(json: String, message: String) {
        #expect(refusal(of: json) == message)
    }

    @Test(
        "inputs that miss something or have it wrong are refused by name",
        arguments: [
            (#""shape":[1],"datatype":"FP32","data":[1]"#, "inputs[0]: name is missing"),
            (#""name":"x","datatype":"FP32","data":[1]"#, #"input "x": shape is missing"#),
            (#""name":"x","shape":[1],"data":[1]"#, #"input "x": datatype is missing"#),
            (
                #""name":"x","shape":[1],"datatype":"FP32""#,
                #"input "x": expected data, its size in the parameter binary_data_size, or its place in the "#
                    + "parameter shared_memory_region; found none of them"
            ),
            (
                #""name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":4}"#,
                #"input "x": expected one of data, its size in the parameter binary_data_size, or its place in the "#
                    + "parameter shared_memory_region; found more than one"
            ),
            (#""name":["x"]"#, "inputs[0]: name: expected a string, found ["),
            (#""name":"x","shape":5"#, #"input "x": shape: expected an array of integers, found 5"#),
            (#""name":"x","shape":[1,-1]"#, #"input "x": shape: expected integers of at least 0, found -1"#),
            (#""name":"x","shape":[1.0]"#, #"input "x": shape: expected integers of at least 0, found 1.0"#),
            (
                #""name":"x","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))]"#,
                #"input "x": shape: expected at most 64 sizes"#
            ),
            (#""name":"x","shape":["1"]"#, #"input "x": shape: expected integers of at least 0, found "1""#),
            (
                #""name":"x","shape":[9223372036854775808]"#,
                #"input "x": shape: expected integers of at least 0, found 9223372036854775808"#
            ),
            (
                #""name":"x","datatype":"FLOAT""#,
                #"input "x": datatype: expected one of BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, "#
                    + #"FP16, BF16, FP32, FP64, BYTES, found "FLOAT""#
            ),
            (#""name":"x","datatype":5"#, #"input "x": datatype: expected a string, found 5"#),
            (
                #""name":"x","shape":[1],"datatype":"FP32","data":1"#, #"input "x": data: expected an array, found 1"#
            ),
            (
                #""name":"x","parameters":{"binary_data_size":-1}"#,
                #"input "x": parameter "binary_data_size": expected an integer of at least 0, found -1"#
            ),
            (#""name":"x","name":"x""#, #"input "x": name is given twice"#),
            (#""name":"x","data":[1],"data":[1]"#, #"input "x": data is given twice"#),
            (#""name":"x","shape":[1],"shape":[1]"#, #"input "x": shape is given twice"#),
            (#""name":"x","datatype":"FP32","datatype":"FP32""#, #"input "x": datatype is given twice"#),
            (#""name":"x","parameters":{},"parameters":{}"#, #"input "x": parameters is given twice"#),
        ])
    func inputs(members: String, message: String) {
        #expect(refusal(of: #"{"inputs":[{\#(members)}]}"#) == message)
    }

    @Test("members given twice are refused", arguments: ["inputs", "outputs", "parameters", "id"])
    func givenTwice(name: String) {
        let value = ["parameters": "{}", "id": "\"\""][name, default: "[]"]

        #expect(refusal(of: #"{"\#(name)":\#(value),"\#(name)":\#(value)}"#) == "\(name) is given twice")
    }
}
