/// The grammar of JSON (RFC 8259), read a byte at a time: slow, plain, and nothing like the reader that it judges.
///
/// Beyond the RFC it takes `NaN`, `Infinity` and `-Infinity`, as that reader does, and wants halves of surrogate pairs
/// to be whole.
package struct JSONGrammar {
    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether this is the text of one JSON value, and how deep its arrays and objects are nested if it is.
    package static func depth(of bytes: [UInt8]) -> Int? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var grammar = JSONGrammar(bytes)
        return grammar.text()
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// A value and space around it. The brackets that are open are a list, so that no nesting is too deep.
    private mutating func text() -> Int? {
        var open: [UInt8] = []
        var deepest = 0
        while true {
            skipSpace()
            if take("[") || take("{") {
                let isObject = bytes[position - 1] == UInt8(ascii: "{")
                open.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
                deepest = max(deepest, open.count)
                skipSpace()
                if next != open.last {
                    if isObject, !name() { return nil }
                    continue
                }
            } else {
                guard scalar() else { return nil }
            }
            // A value has ended, and perhaps what it is in.
            while true {
                skipSpace()
                guard let close = open.last else { return position == bytes.count ? deepest : nil }
                if next == close {
                    position += 1
                    open.removeLast()
                    continue
                }
                guard take(",") else { return nil }
                skipSpace()
                if close == UInt8(ascii: "}"), !name() { return nil }
                break
            }
        }
    }

    private mutating func name() -> Bool {
        guard next == UInt8(ascii: "\""), string() else { return false }
        skipSpace()
        return take(":")
    }

    private mutating func scalar() -> Bool {
        if next == UInt8(ascii: "\"") { return string() }
        for word in ["true", "false", "null", "NaN", "Infinity", "-Infinity"] where take(word) { return true }
        return number()
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0"), !digits() { return false }
        if take("."), !digits() { return false }
        if take("e") || take("E") {
            if !take("-") { _ = take("+") }
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = position
        while let next, (0x30...0x39).contains(next) { position += 1 }
        return position > start
    }

    private mutating func string() -> Bool {
        position += 1
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case 0..<0x20: return false
            default: break
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard take("u") else {
            guard let next, "\"\\/bfnrt".utf8.contains(next) else { return false }
            position += 1
            return true
        }
        guard let unit = codeUnit(), !(0xDC00..<0xE000).contains(unit) else { return false }
        guard (0xD800..<0xDC00).contains(unit) else { return true }
        guard take("\\u"), let low = codeUnit() else { return false }
        return (0xDC00..<0xE000).contains(low)
    }

    private mutating func codeUnit() -> Int? {
        let end = position + 4
        guard end <= bytes.count else { return nil }
        let digits = String(decoding: bytes[position..<end], as: UTF8.self)
        position = end
        return digits.allSatisfy(\.isHexDigit) ? Int(digits, radix: 16) : nil
    }

    private mutating func take(_ word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while let next, " \n\r\t".utf8.contains(next) { position += 1 }
    }
}
