import MantaCore
import MantaProtocol
import Testing

@Suite("Replies")
struct ReplyTests {
    @Test("a reply in JSON names the model, its version and each output")
    func json() throws {
        let encoded = try encode([
            NamedTensor("label", Tensor(shape: [1], [7] as [Int64])),
            NamedTensor("probabilities", Tensor(shape: [1, 3], [0.25, 0.5, 1] as [Float])),
        ])

        #expect(
            encoded.json
                == #"{"model_name":"digits","model_version":"3","outputs":["#
                + #"{"name":"label","datatype":"INT64","shape":[1],"data":[7]},"#
                + #"{"name":"probabilities","datatype":"FP32","shape":[1,3],"data":[0.25,0.5,1]}]}"#)
        #expect(encoded.headerLength == nil)
    }

    @Test("the id comes back as it was, and only if it was given", arguments: ["", "42", "a\"b\\c\n\u{1}é😀\u{7F}"])
    func id(id: String) throws {
        let request = try decode(#"{"inputs":[],"id":"\#(escaped(id))"}"#).request

        let reply = try encode([], id: request.id).json

        #expect(request.id == id)
        #expect(reply.contains(#""id":"\#(escaped(id))","outputs":[]"#))
        #expect(try !encode([]).json.contains("id"))
    }

    private func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            .replacing("\u{1}", with: "\\u0001")
    }

    @Test("numbers of every type are the shortest that read back the same")
    func numbers() throws {
        #expect(try data(Tensor(shape: [2], [true, false])) == "true,false")
        #expect(try data(Tensor(shape: [2], [Int8.min, .max])) == "-128,127")
        #expect(try data(Tensor(shape: [2], [Int16.min, .max])) == "-32768,32767")
        #expect(try data(Tensor(shape: [2], [Int32.min, .max])) == "-2147483648,2147483647")
        #expect(try data(Tensor(shape: [2], [Int64.min, .max])) == "-9223372036854775808,9223372036854775807")
        #expect(try data(Tensor(shape: [1], [UInt8.max])) == "255")
        #expect(try data(Tensor(shape: [1], [UInt16.max])) == "65535")
        #expect(try data(Tensor(shape: [1], [UInt32.max])) == "4294967295")
        #expect(try data(Tensor(shape: [1], [UInt64.max])) == "18446744073709551615")
        #expect(
            try data(
                Tensor(
                    shape: [7],
                    [0, -0.0, 0.1, 1e20, 16_777_216, -.leastNormalMagnitude, .leastNonzeroMagnitude] as [Float]))
                == "0,-0.0,0.1,1e+20,16777216,-1.1754944e-38,1e-45")
        #expect(
            try data(
                Tensor(
                    shape: [5],
                    [0.1, 0.30000000000000004, -.leastNormalMagnitude, .leastNonzeroMagnitude, 1e22] as [Double]))
                == "0.1,0.30000000000000004,-2.2250738585072014e-308,5e-324,1e+22")
        #expect(
            try data(.of(.fp16, bits: [0x0000, 0x8000, 0x3C00, 0x2E66, 0x3555, 0x7BFF, 0x0001, 0x0400]))
                == "0,-0.0,1,0.1,0.3333,65500,6e-08,6.104e-05")
        #expect(
            try data(.of(.bf16, bits: [0x0000, 0x8000, 0x3F80, 0x3DCD, 0x4049, 0xFF7F, 0x0001]))
                == "0,-0.0,1,0.1,3.14,-3.39e+38,9e-41")
    }

    @Test("numbers of everyday sizes are written without an exponent")
    func notation() throws {
        #expect(
            try data(Tensor(shape: [5], [100_000, 1e14, 123_456.7, 0.000_123_456_78, 0.000_05] as [Float]))
                == "100000,1e+14,123456.7,0.00012345678,5e-05")
        #expect(
            try data(Tensor(shape: [4], [100_000, -99_999_999_999_999.98, -0.000_123_456_789_012_345_67, 1e14]))
                == "100000,-99999999999999.98,-0.00012345678901234567,1e+14")
    }

    @Test("what JSON has no number for is a string", arguments: [DataType.fp16, .bf16, .fp32, .fp64])
    func specials(type: DataType) throws {
        let written = try data(try tensor(type, [3], "[NaN,Infinity,-Infinity]"))

        #expect(written == #""NaN","Infinity","-Infinity""#)
    }

    @Test("texts are escaped as JSON asks")
    func texts() throws {
        let tensor = Tensor(shape: [4], strings: ["", "a\"b\\c/", "\u{0}\u{8}\u{C}\n\r\t\u{1F}\u{7F}", "dög😀"])

        #expect(try data(tensor) == #""","a\"b\\c/","\u0000\b\f\n\r\t\u001f\#u{7F}","dög😀""#)
    }

    @Test("an output that isn't UTF-8 can't be JSON, and the reply says what to do")
    func notUTF8() {
        let output = NamedTensor("y", Tensor(shape: [2], elements: [[0x61], [0xFF]]))

        #expect(
            refusal { () throws(ServingError) in _ = try encode([output]) }
                == #"output "y": element 1 isn't UTF-8, so JSON can't hold it; ask for it in binary with the output's "#
                + #"parameter "binary_data": true"#)
    }

    @Test("a BYTES output whose lengths are wrong is a mistake of ours")
    func brokenTexts() {
        let output = NamedTensor("y", .of(.bytes, [2], bytes: [9, 0, 0, 0]))

        #expect(
            refusal(.internal) { () throws(ServingError) in _ = try encode([output]) }
                == #"output "y": its bytes don't fit its shape"#)
    }

    @Test("tensors without elements and without sizes are written")
    func emptyAndScalar() throws {
        #expect(
            try encode([NamedTensor("y", Tensor(shape: [0, 3], [] as [Float]))]).json.contains(
                #""shape":[0,3],"data":[]}"#))
        #expect(
            try encode([NamedTensor("y", Tensor(shape: [], [2] as [Float]))]).json.contains(#""shape":[],"data":[2]}"#))
        #expect(
            try encode([NamedTensor("y", Tensor(shape: [0], strings: []))]).json.contains(#""shape":[0],"data":[]}"#))
    }

    private func binaryForm() throws -> ReplyForm {
        try decode(#"{"inputs":[],"parameters":{"binary_data_output":true}}"#).reply
    }

    @Test("binary outputs follow the JSON in order, with their sizes in it")
    func binary() throws {
        let outputs = [
            NamedTensor("a", Tensor(shape: [2], [1, -1] as [Int16])),
            NamedTensor("b", Tensor(shape: [2], elements: [[0xFF], []])),
            NamedTensor("c", Tensor(shape: [0], [] as [Float])),
        ]

        let encoded = try encode(outputs, as: binaryForm())

        #expect(
            encoded.json
                == #"{"model_name":"digits","model_version":"3","outputs":["#
                + #"{"name":"a","datatype":"INT16","shape":[2],"parameters":{"binary_data_size":4}},"#
                + #"{"name":"b","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}},"#
                + #"{"name":"c","datatype":"FP32","shape":[0],"parameters":{"binary_data_size":0}}]}"#)
        #expect(encoded.headerLength == encoded.json.utf8.count)
        #expect(encoded.binary == [1, 0, 0xFF, 0xFF, 1, 0, 0, 0, 0xFF, 0, 0, 0, 0])
    }

    @Test("a reply whose binary outputs are all empty has no bytes behind its JSON")
    func emptyBinary() throws {
        let encoded = try encode([NamedTensor("c", Tensor(shape: [0], [] as [Float]))], as: binaryForm())

        #expect(encoded.json.hasSuffix(#""parameters":{"binary_data_size":0}}]}"#))
        #expect(encoded.headerLength == nil)
    }

    @Test("a row of a larger tensor is written alone")
    func rows() throws {
        let rows = Tensor(shape: [2, 2], [1, 2, 3, 4] as [Float]).splittingRows([1, 1])

        #expect(try rows.map { try data($0) } == ["1,2", "3,4"])
    }
}
