/// Walks over JSON without building it: what a file says goes into the request as it was written, number for number.
struct JSONScanner {
    /// Lists within lists that are followed; the server follows no more.
    private static let maxDepth = 100

    let bytes: [UInt8]
    private(set) var index = 0
    /// What messages call the text.
    private let file: String

    init(_ bytes: [UInt8], file: String) {
        (self.bytes, self.file) = (bytes, file)
    }

    /// The next byte that isn't white space; nothing at the end.
    mutating func peek() -> UInt8? {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
        return index < bytes.count ? bytes[index] : nil
    }

    /// Takes `byte` if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        index += 1
        return true
    }

    /// Takes `byte`.
    mutating func expect(_ byte: UInt8) throws(ClientError) {
        guard take(byte) else { throw unexpected("\"\(Unicode.Scalar(byte))\"") }
    }

    /// Takes a string.
    ///
    /// - Returns: Where its text is, without the quotes.
    mutating func string() throws(ClientError) -> Range<Int> {
        try expect(0x22)
        let start = index
        while index < bytes.count, bytes[index] != 0x22 { index += bytes[index] == 0x5C ? 2 : 1 }
        guard index < bytes.count else { throw fault("a string isn't closed", at: start - 1) }
        index += 1
        return start..<index - 1
    }

    /// Takes nested lists, and whatever single values they hold.
    ///
    /// - Returns: How many elements the lists of each depth have, the outermost first; nothing for a single value.
    mutating func nestedList(depth: Int = 0) throws(ClientError) -> [Int] {
        guard peek() == 0x5B else {
            try single()
            return []
        }
        guard depth < Self.maxDepth else { throw fault("lists nest more than \(Self.maxDepth) deep") }
        index += 1
        if take(0x5D) { return [0] }
        var shape: [Int]?
        var count = 0
        repeat {
            _ = peek()
            let start = index
            let element = try nestedList(depth: depth + 1)
            count += 1
            guard element == shape ?? element else {
                throw fault(
                    "element \(count) \(Self.words(element)), expected it as the first, which "
                        + Self.words(shape ?? []), at: start)
            }
            shape = element
        } while take(0x2C)
        guard take(0x5D) else { throw unexpected("\",\" or \"]\"") }
        return [count] + (shape ?? [])
    }

    /// Makes sure that nothing follows.
    mutating func end() throws(ClientError) {
        guard peek() == nil else { throw unexpected("the end") }
    }

    private mutating func single() throws(ClientError) {
        let start = index
        if peek() == 0x22 { _ = try string(); return }
        while index < bytes.count, bytes[index].mayBeInWord { index += 1 }
        let word = String(decoding: bytes[start..<index].drop { $0 <= 0x20 }, as: UTF8.self)
        let words = ["true", "false", "NaN", "Infinity", "-Infinity"]
        guard words.contains(word) || word.first.map({ $0 == "-" || $0.isNumber }) == true else {
            index = start
            throw unexpected("a list or a value")
        }
    }

    // MARK: Faults

    /// What comes next isn't what was expected.
    mutating func unexpected(_ expected: String) -> ClientError {
        guard let byte = peek() else { return fault("expected \(expected), found the end") }
        let found = (0x21...0x7E).contains(byte) ? "\"\(Unicode.Scalar(byte))\"" : "byte \(byte)"
        return fault("expected \(expected), found \(found)")
    }

    /// A fault at a place in the text, by default the present one.
    func fault(_ message: String, at position: Int? = nil) -> ClientError {
        let before = bytes[..<min(position ?? index, bytes.count)]
        let line = before.count { $0 == 0x0A } + 1
        let text = before[(before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)...]
        let column = String(decoding: text, as: UTF8.self).unicodeScalars.count + 1
        return ClientError(.data, "\(file):\(line):\(column): \(message)")
    }

    private static func words(_ shape: [Int]) -> String {
        switch shape.count {
        case 0: "is a single value"
        case 1: "has \(Quantity.count(shape[0], "value"))"
        default: "has the shape \(shape)"
        }
    }
}

extension UInt8 {
    fileprivate var mayBeInWord: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
        default: false
        }
    }
}
