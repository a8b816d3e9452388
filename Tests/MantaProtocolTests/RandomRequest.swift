import MantaCore
import MantaProtocol
import MantaTestKit

/// Requests out of a seeded generator.
enum RandomRequest {
    /// A tensor of up to three dimensions, of any value that its type has.
    static func tensor(_ type: DataType, using random: inout SeededGenerator) -> Tensor {
        let shape = Shape(
            (0..<Int.random(in: 0...3, using: &random)).map { _ in Int.random(in: 0...4, using: &random) })
        let count = shape.elementCount ?? 0
        if type == .bytes {
            let texts = (0..<count).map { _ in text(using: &random) }
            return Tensor(shape: shape, strings: texts)
        }
        let width = type.byteWidth ?? 1
        var bytes = (0..<count * width).map { _ in UInt8.random(in: 0...255, using: &random) }
        if type == .bool { bytes = bytes.map { $0 & 1 } }
        // NaN comes back as NaN, but not with the bits that it had.
        for element in 0..<count where isFloat(type) {
            bytes[(element + 1) * width - 1] &= 0xBF
        }
        return .of(type, shape, bytes: bytes)
    }

    private static func isFloat(_ type: DataType) -> Bool { [.fp16, .bf16, .fp32, .fp64].contains(type) }

    private static func text(using random: inout SeededGenerator) -> String {
        let characters: [Character] = ["a", "\"", "\\", "\n", "\u{0}", "é", "€", "😀", "/", "\u{7F}", "]", ",", "{"]
        let length = Int.random(in: 0...20, using: &random)
        return String((0..<length).map { _ in characters.randomElement(using: &random) ?? "a" })
    }

    /// Up to four inputs of any types.
    static func inputs(using random: inout SeededGenerator) -> [NamedTensor] {
        (0..<Int.random(in: 1...4, using: &random)).map { index in
            let type = DataType.allCases.randomElement(using: &random) ?? .fp32
            return NamedTensor("input \"\(index)\"", tensor(type, using: &random))
        }
    }

    /// The body of a request of these inputs, each in JSON or in binary, with their members in any order.
    static func body(
        _ inputs: [NamedTensor], using random: inout SeededGenerator
    ) throws -> (body: [UInt8], headerLength: Int?) {
        var texts: [String] = []
        var binary: [UInt8] = []
        for input in inputs {
            let tensor = input.tensor
            let name = input.name.replacing("\"", with: "\\\"")
            var members = [
                "\"name\":\"\(name)\"", "\"shape\":\(tensor.shape)", "\"datatype\": \"\(tensor.dataType.rawValue)\"",
                "\"unknown\":[{\"a\":null},-1e5]",
            ]
            if Bool.random(using: &random) {
                members.append("\"data\":[[\(try data(tensor))]]")
            } else {
                members.append("\"parameters\":{\"binary_data_size\":\(tensor.byteCount)}")
                binary += tensor.bytes
            }
            texts.append("{\(members.shuffled(using: &random).joined(separator: ","))}")
        }
        let json = Array(
            "{\"id\":\"1\",\"inputs\":[\(texts.joined(separator: ", "))],\"outputs\":[{\"name\":\"y\"}]}".utf8)
        return (json + binary, binary.isEmpty && Bool.random(using: &random) ? nil : json.count)
    }

    /// The bytes with a few of them changed, lost, doubled or replaced by what JSON takes badly.
    static func mutated(_ body: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 1...4, using: &random) where !body.isEmpty {
            let place = Int.random(in: 0..<body.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: body[place] = UInt8.random(in: 0...255, using: &random)
            case 1: body[place] = Array("{}[]:,\"\\-+.eE0N ".utf8).randomElement(using: &random) ?? 0
            case 2: body.remove(at: place)
            case 3: body.insert(body[place], at: place)
            case 4: body.removeLast(min(body.count, Int.random(in: 0...20, using: &random)))
            default:
                let words = ["null", "1e999", "-Infinity", "\\u12", "9999999999999999999999", "[[[[", "}}", "\u{0}"]
                body.replaceSubrange(place..<place, with: Array((words.randomElement(using: &random) ?? "").utf8))
            }
        }
        return body
    }
}
