import MantaCore
import Testing

@Suite("Elements in JSON requests")
struct ElementTests {
    @Test("integers take their whole range")
    func integers() throws {
        #expect(try tensor(.int8, [2], "[-128,127]").values(as: Int8.self) == [.min, .max])
        #expect(try tensor(.int16, [2], "[-32768,32767]").values(as: Int16.self) == [.min, .max])
        #expect(try tensor(.int32, [2], "[-2147483648,2147483647]").values(as: Int32.self) == [.min, .max])
        #expect(
            try tensor(.int64, [3], "[-9223372036854775808,9223372036854775807,-0]").values(as: Int64.self)
                == [.min, .max, 0])
        #expect(try tensor(.uint8, [2], "[0,255]").values(as: UInt8.self) == [0, .max])
        #expect(try tensor(.uint16, [2], "[0,65535]").values(as: UInt16.self) == [0, .max])
        #expect(try tensor(.uint32, [2], "[0,4294967295]").values(as: UInt32.self) == [0, .max])
        #expect(
            try tensor(.uint64, [3], "[0,18446744073709551615,10000000000000000000]").values(as: UInt64.self)
                == [0, .max, 10_000_000_000_000_000_000])
    }

    @Test(
        "integers out of range are refused",
        arguments: [
            (DataType.int8, "128"), (.int8, "-129"), (.int16, "32768"), (.int16, "-32769"), (.int32, "2147483648"),
            (.int32, "-2147483649"), (.int64, "9223372036854775808"), (.int64, "-9223372036854775809"),
            (.uint8, "256"), (.uint8, "-1"), (.uint16, "65536"), (.uint32, "4294967296"),
            (.uint64, "18446744073709551616"), (.uint64, "20000000000000000000"), (.uint64, "99999999999999999999"),
            (.uint64, "36893488147419103233"), (.uint64, "-1"), (.int64, "-18446744073709551615"),
            (.int8, "100000000000000000000000000000000000001"),
        ])
    func outOfRange(type: DataType, text: String) {
        let message = refusal(of: type, "[\(text)]")

        #expect(message.hasPrefix("input \"x\": element 0: expected an integer from "))
        #expect(
            message.hasSuffix(", since it is \(type.rawValue), found \(text.prefix(32))\(text.count > 32 ? "…" : "")"))
    }

    @Test("an element of another kind is refused with its place, what was expected and what was found")
    func messages() {
        #expect(
            refusal(of: .int8, "[1,2,300]", [3])
                == "input \"x\": element 2: expected an integer from -128 to 127, since it is INT8, found 300")
        #expect(
            refusal(of: .uint64, "[[1],[-1]]", [2])
                == "input \"x\": element 1: expected an integer from 0 to 18446744073709551615, since it is UINT64, "
                + "found -1")
        #expect(
            refusal(of: .bool, "[true,1]", [2])
                == "input \"x\": element 1: expected true or false, since it is BOOL, found 1")
        #expect(refusal(of: .bytes, "[5]") == "input \"x\": element 0: expected a string, since it is BYTES, found 5")
        #expect(
            refusal(of: .fp32, #"["5"]"#)
                == "input \"x\": element 0: expected a number in the range of FP32, found \"5\"")
        #expect(
            refusal(of: .fp64, "[null]") == "input \"x\": element 0: expected a number in the range of FP64, found null"
        )
    }

    @Test(
        "an element of another kind is refused",
        arguments: [
            (DataType.int32, "1.0"), (.int32, "1e2"), (.int32, "0.5"), (.int32, "true"), (.int32, "\"1\""),
            (.int32, "NaN"), (.int32, "null"), (.int32, "{}"), (.uint8, "-Infinity"), (.bool, "0"), (.bool, "\"true\""),
            (.bool, "null"), (.bytes, "true"), (.bytes, "NaN"), (.bytes, "{\"a\":1}"), (.fp32, "true"),
            (.fp32, "\"nan\""), (.fp32, "\"NaN \""), (.fp64, "\"inf\""), (.fp16, "{}"), (.bf16, "\"\""),
        ])
    func otherKind(type: DataType, text: String) {
        #expect(refusal(of: type, "[\(text)]").hasPrefix("input \"x\": element 0: expected "))
    }

    @Test("data has as many elements as the shape", arguments: ["[]", "[1,2,3]", "[[1,2],[3,4,5]]", "[[[]]]"])
    func miscounted(data: String) {
        let count = data.count { $0.isNumber }

        #expect(refusal(of: .int8, data, [2, 2]) == "input \"x\": shape [2, 2] has 4 elements, but data has \(count)")
    }

    @Test("a shape that promises more than the body holds reserves no memory", arguments: DataType.allCases)
    func falseShape(type: DataType) {
        #expect(
            refusal(of: type, "[]", [1_000_000, 1_000_000, 1_000])
                == "input \"x\": shape [1000000, 1000000, 1000] has 1000000000000000 elements, but data has 0")
    }

    @Test("a shape whose elements can't be counted is refused")
    func overflowingShape() {
        #expect(
            refusal(of: .int8, "[1]", [1_099_511_627_776, 1_099_511_627_776])
                == "input \"x\": shape [1099511627776, 1099511627776] has more elements than can be counted")
    }

    @Test("texts keep their characters")
    func texts() throws {
        let tensor = try tensor(.bytes, [2, 2], #"[["","a"],["dög","\u00fc\ud83d\ude00"]]"#)

        #expect(tensor.texts == ["", "a", "dög", "ü😀"])
        #expect(tensor.shape == [2, 2])
        #expect(tensor.byteCount == 16 + 0 + 1 + 4 + 6)
    }
}
