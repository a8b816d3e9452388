import MantaTestKit
import Testing

@testable import MantaClient

@Suite("JSON for a model")
struct InferenceInputTests {
    private static let x = ModelMetadata.Tensor(name: "x", datatype: "FP32", shape: [-1, 2])
    private static let mask = ModelMetadata.Tensor(name: "mask", datatype: "BOOL", shape: [-1])

    private static func body(_ text: String, _ inputs: [ModelMetadata.Tensor] = [x]) async throws -> String {
        let body = try await InferenceInput(Array(text.utf8), file: "in.json").body(file: "in.json") {
            ModelMetadata(inputs: inputs)
        }
        return String(decoding: body, as: UTF8.self)
    }

    @Test("a list of rows becomes a tensor, its numbers as they were written")
    func rows() async throws {
        #expect(
            try await Self.body(" [[1, 2.50],\n [NaN, -1e-9]] ")
                == #"{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1, 2.50],"# + "\n"
                + #" [NaN, -1e-9]]}]}"#)
        #expect(try await Self.body("[1, 2]").contains(#""shape":[1,2],"data":[1, 2]"#), "a row by itself")
        #expect(try await Self.body("[]", [Self.mask]).contains(#""shape":[0],"data":[]"#))
    }

    @Test("an object has a member for each input")
    func named() async throws {
        #expect(
            try await Self.body(#"{"mask": [true], "x": [["a,]}\"", "b"]]}"#, [Self.x, Self.mask])
                == #"{"inputs":[{"name":"mask","datatype":"BOOL","shape":[1],"data":[true]},"#
                + #"{"name":"x","datatype":"FP32","shape":[1,2],"data":[["a,]}\"", "b"]]}]}"#)
        #expect(
            try await Self.body(#"{"inputs": [1, 2]}"#, [.init(name: "inputs", datatype: "FP32", shape: [2])])
                .contains(#""name":"inputs""#), "an input may be called so")
    }

    @Test(
        "a request goes out as it is, byte by byte",
        arguments: [
            #"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [NaN]}]}"#,
            "{\"id\": \"7\",\n \"outputs\": [{\"name\": \"y\"}], \"inputs\": [ {}]}",
            #"{"parameters": {"binary_data_output": false}, "inputs": []}"#,
        ])
    func request(text: String) async throws {
        #expect(try await Self.body(text, []) == text)
    }

    @Test(
        "what is wrong is named with line and column",
        arguments: [
            ("[[1, 2],\n  [3]]", "in.json:2:3: element 2 has 1 value, expected it as the first, which has 2 values"),
            ("[1, [2]]", "in.json:1:5: element 2 has 1 value, expected it as the first, which is a single value"),
            ("[[1, 2]", "in.json:1:8: expected \",\" or \"]\", found the end"),
            ("[[1 2]]", "in.json:1:5: expected \",\" or \"]\", found \"2\""),
            ("[[1, null]]", "in.json:1:6: expected a list or a value, found \"n\""),
            ("[[\"a]]", "in.json:1:3: a string isn't closed"),
            ("[[1, 2]] x", "in.json:1:10: expected the end, found \"x\""),
            ("{}", "in.json:1:3: expected inputs, found an empty object"),
            ("{\"x\" [1]}", "in.json:1:6: expected \":\", found \"[\""),
            ("[[[1, 2]]]", "in.json:1:1: expected lists 2 deep for \"x\": FP32 [-1, 2], found them 3 deep"),
            ("{\n \"z\": [1]}", "in.json:2:7: the model has no input \"z\"; it takes \"x\": FP32 [-1, 2]"),
        ])
    func faults(text: String, message: String) async {
        let error = await failure { _ = try await Self.body(text) }

        #expect(error == ClientError(.data, message))
    }

    @Test("a list for a model with several inputs is refused with their names")
    func severalInputs() async {
        let error = await failure { _ = try await Self.body("[[1, 2]]", [Self.x, Self.mask]) }

        #expect(
            error?.message
                == "in.json: the model has the inputs \"x\": FP32 [-1, 2], \"mask\": BOOL [-1]; "
                + "expected an object with a member for each")
    }

    @Test("lists that nest without end are refused")
    func depth() async {
        let error = await failure { _ = try await Self.body(String(repeating: "[", count: 100_000)) }

        #expect(error == ClientError(.data, "in.json:1:101: lists nest more than 100 deep"))
    }

    @Test("bytes that are no JSON are an error and no crash")
    func mutations() async {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let texts = ["[[1, 2.5], [\"a\\\"b\", true]]", "{\"x\": [[1]], \"mask\": [false]}", "{\"inputs\": [{}]}"]
        for _ in 0..<2000 {
            var bytes = Array((texts.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert("[]{},:\"\\".utf8.randomElement(using: &random) ?? 0, at: index)
                default: bytes.removeSubrange(index...)
                }
                if bytes.isEmpty { bytes = [0x5B] }
            }
            do throws(ClientError) {
                _ = try InferenceInput(bytes, file: "in.json")
            } catch {
                #expect(error.message.wholeMatch(of: #/(?s)in\.json:\d+:\d+: .+/#) != nil, "seed \(seed): \(bytes)")
            }
        }
    }
}
