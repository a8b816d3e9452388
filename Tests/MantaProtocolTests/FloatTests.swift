import MantaCore
import MantaTestKit
import Testing

@Suite("Floats in JSON requests")
struct FloatTests {
    private func float(_ text: String) throws -> Float {
        try #require(try tensor(.fp32, [1], "[\(text)]").values(as: Float.self)).first ?? 0
    }

    private func bits(_ type: DataType, _ text: String) throws -> UInt16 {
        try tensor(type, [1], "[\(text)]").bits[0]
    }

    @Test(
        "FP32 is rounded once, from the text",
        arguments: [
            // Just above halfway between 1 and the next float, and nearest to halfway as a double.
            ("1.00000005960464477539062500000000000001", Float(1).nextUp),
            ("1.000000059604644775390625", 1), ("1.00000005960464477539062499999999999999", 1),
            ("1.0000001788139343261718750", Float(1).nextUp.nextUp),
            ("1.00000017881393432617187499999999999999", Float(1).nextUp),
            ("16777217", 16_777_216), ("16777219", 16_777_220), ("16777217.0000000000000000000000001", 16_777_218),
            ("0.1", 0.1), ("0.3125", 0.3125), ("0.30000001192092896", 0.3),
            ("3.4028234663852886e38", .greatestFiniteMagnitude),
            ("340282356779733661637539395458142568447", .greatestFiniteMagnitude),
            ("1.1754943508222875e-38", .leastNormalMagnitude), ("1e-45", .leastNonzeroMagnitude),
            // Halfway between 0 and the smallest, and just above it.
            ("7.006492321624085354618e-46", 0), ("7.006492321624085354619e-46", .leastNonzeroMagnitude), ("1e-400", 0),
            ("0e999999999999999999999", 0),
        ] as [(String, Float)])
    func singles(text: String, expected: Float) throws {
        #expect(try float(text) == expected)
        #expect(try float("-" + text) == -expected)
    }

    @Test("FP32 is what the standard library reads, for random texts", arguments: 0..<20)
    func randomSingles(round: UInt64) throws {
        let seed = 0x6D61_6E74_6101 + round
        var random = SeededGenerator(seed: seed)
        let texts = (0..<500).map { _ in randomNumber(using: &random) }.filter { (Float($0) ?? .infinity).isFinite }

        let values = try tensor(.fp32, [texts.count], "[\(texts.joined(separator: ","))]").values(as: Float.self) ?? []

        for (text, value) in zip(texts, values) {
            #expect(value == Float(text), "seed \(seed): \(text)")
        }
    }

    @Test("FP64 is what the standard library reads, for random texts", arguments: 0..<20)
    func randomDoubles(round: UInt64) throws {
        let seed = 0x6D61_6E74_6102 + round
        var random = SeededGenerator(seed: seed)
        let texts = (0..<500).map { _ in randomNumber(using: &random) }.filter { (Double($0) ?? .infinity).isFinite }

        let values = try tensor(.fp64, [texts.count], "[\(texts.joined(separator: ","))]").values(as: Double.self) ?? []

        for (text, value) in zip(texts, values) {
            #expect(value == Double(text), "seed \(seed): \(text)")
        }
    }

    /// Random digits, near floats and halfway between them more often than chance would have it.
    private func randomNumber(using random: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let float = Float(bitPattern: UInt32.random(in: 0..<0x7F80_0000, using: &random))
            let halfway = (Double(float) + Double(float.nextUp)) / 2
            return [halfway, halfway.nextUp, halfway.nextDown, Double(float)].randomElement(using: &random)?.description
                ?? "0"
        case 1:
            return Double(bitPattern: UInt64.random(in: 0..<0x7FF0 << 48, using: &random)).description
        case 2:
            return
                "\(Int.random(in: -100_000...100_000, using: &random)).\(UInt64.random(in: 0 ... .max, using: &random))"
        default:
            let digits = (0...Int.random(in: 0..<40, using: &random)).map { _ in Int.random(in: 0...9, using: &random) }
            let text = digits.map(String.init).joined()
            return "0.\(text)e\(Int.random(in: -60...60, using: &random))"
        }
    }

    @Test(
        "FP16 is rounded once, from the text",
        arguments: [
            ("0", 0x0000), ("-0.0", 0x8000), ("1", 0x3C00), ("-2", 0xC000), ("65504", 0x7BFF), ("65519.99", 0x7BFF),
            ("0.1", 0x2E66), ("0.33325195", 0x3555), ("6.103515625e-5", 0x0400), ("6.097555160522461e-5", 0x03FF),
            ("5.960464477539063e-8", 0x0001), ("2.9802322387695312e-8", 0x0000), ("2.98023223876953125e-8", 0x0000),
            ("2.980232238769531251e-8", 0x0001), ("1e-400", 0x0000),
            // Halfway between 1 and the next, and beyond it by less than a double can tell.
            ("1.00048828125", 0x3C00), ("1.0004882812500000000000001", 0x3C01), ("1.00146484375", 0x3C02),
            ("1.0014648437499999999999999", 0x3C01), ("2049", 0x6800), ("2051", 0x6802),
        ] as [(String, UInt16)])
    func halves(text: String, expected: UInt16) throws {
        #expect(try bits(.fp16, text) == expected)
    }

    @Test(
        "BF16 is rounded once, from the text",
        arguments: [
            ("0", 0x0000), ("1", 0x3F80), ("-1", 0xBF80), ("3.14159", 0x4049), ("3.3895313892515355e38", 0x7F7F),
            ("1.00390625", 0x3F80), ("1.003906250000000000000001", 0x3F81), ("1.01171875", 0x3F82), ("257", 0x4380),
            ("9.183549615799121e-41", 0x0001), ("4.591774807899560578002877098524397178979162331140966e-41", 0x0000),
            ("4.6e-41", 0x0001), ("1.1754943508222875e-38", 0x0080),
        ] as [(String, UInt16)])
    func brainFloats(text: String, expected: UInt16) throws {
        #expect(try bits(.bf16, text) == expected)
    }

    @Test("every finite FP16 is read from its exact decimal", arguments: [UInt16(0), 0x8000])
    func allHalves(sign: UInt16) throws {
        let all = (0..<UInt16(0x7C00)).map { sign | $0 }
        let texts = all.map { "\(exact($0))" }

        #expect(try tensor(.fp16, [all.count], "[\(texts.joined(separator: ","))]").bits == all)
    }

    private func exact(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 31)
        let fraction = Double(bits & 1023)
        let value = exponent == 0 ? fraction : 1024 + fraction
        return Double(sign: bits >> 15 == 1 ? .minus : .plus, exponent: max(exponent, 1) - 25, significand: value)
    }

    @Test(
        "a finite number beyond the type's range is refused",
        arguments: [
            (DataType.fp64, "1e400"), (.fp64, "-1e309"), (.fp64, "1e99999999999999999999"), (.fp32, "1e39"),
            (.fp32, "-3.4028235677973367e38"), (.fp32, "1e400"), (.fp16, "65520"), (.fp16, "-1e9"), (.bf16, "3.4e38"),
            (.bf16, "1e400"),
        ])
    func beyondRange(type: DataType, text: String) {
        #expect(
            refusal(of: type, "[\(text)]")
                == "input \"x\": element 0: expected a number in the range of \(type.rawValue), found \(text)")
    }

    @Test("NaN and infinities come as strings or as the words of Python", arguments: ["", "\""])
    func specials(quote: String) throws {
        let data = "[" + ["NaN", "Infinity", "-Infinity"].map { quote + $0 + quote }.joined(separator: ", ") + "]"

        let doubles = try #require(try tensor(.fp64, [3], data).values(as: Double.self))
        let floats = try #require(try tensor(.fp32, [3], data).values(as: Float.self))

        #expect(doubles[0].isNaN && doubles[1] == .infinity && doubles[2] == -.infinity)
        #expect(floats[0].isNaN && floats[1] == .infinity && floats[2] == -.infinity)
        #expect(try tensor(.fp16, [3], data).bits == [0x7E00, 0x7C00, 0xFC00])
        #expect(try tensor(.bf16, [3], data).bits == [0x7FC0, 0x7F80, 0xFF80])
    }

    @Test("the sign of zero is kept")
    func signOfZero() throws {
        #expect(try tensor(.fp32, [2], "[-0,-0.0]").values(as: Float.self)?.map(\.sign) == [.minus, .minus])
        #expect(try tensor(.fp64, [2], "[-0e5,-1e-400]").values(as: Double.self)?.map(\.sign) == [.minus, .minus])
    }
}
