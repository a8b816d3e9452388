/// The tree of a text in protobuf's text format, with the place of each field.
///
/// The decoder that gives the message says neither where a text is wrong nor where a field stands. This knows nothing of
/// messages: it reads names, values and brackets, so that both can be told.
struct TextFormat {
    /// One field, as written.
    struct Field {
        let name: String
        let place: Place
        /// The field's own text, in the text's bytes.
        let range: Range<Int>
        let value: Value
    }

    /// What a field holds.
    indirect enum Value {
        case scalar(Range<Int>)
        case message([Field])
        case list([(place: Place, range: Range<Int>, value: Value)])
    }

    /// Messages within messages that a text may have. Far more than a configuration needs, and little enough for the
    /// stack of any thread.
    static let maxDepth = 32

    /// The fields of the text.
    let fields: [Field]
    /// The text.
    let bytes: [UInt8]

    /// Reads a text.
    ///
    /// - Throws: ``ConfigurationErrors`` with the place where it stops being a text of this format.
    init(_ text: String, file: String) throws(ConfigurationErrors) {
        var scanner = TextFormatScanner(text, file: file)
        fields = try scanner.fields(until: nil, depth: 0)
        bytes = scanner.bytes
    }

    /// A part of the text.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// Where a field stands, or the nearest one around it that does, by a path such as `input[0].dims`.
    func place(of path: String) -> Place? {
        var place: Place?
        var fields = fields
        for part in path.split(separator: ".") {
            let words = part.split(separator: "[")
            let index = words.dropFirst().first.flatMap { Int($0.dropLast()) } ?? 0
            guard let name = words.first, let found = Self.element(index, of: String(name), in: fields) else {
                return place
            }
            place = found.place
            guard case .message(let inner) = found.value else { return place }
            fields = inner
        }
        return place
    }

    /// A repeated field is written several times, or once with a list, or both.
    private static func element(_ index: Int, of name: String, in fields: [Field]) -> (place: Place, value: Value)? {
        var index = index
        for field in fields where field.name == name {
            guard case .list(let elements) = field.value else {
                if index == 0 { return (field.place, field.value) }
                index -= 1
                continue
            }
            if index < elements.count { return (elements[index].place, elements[index].value) }
            index -= elements.count
        }
        return nil
    }
}

/// Reads protobuf's text format into its tree.
struct TextFormatScanner {
    let bytes: [UInt8]
    private let file: String
    private var index = 0
    private var line = 1
    /// The column of the byte at `columnIndex`, which is in the same line as `index` and not behind it.
    private var column = 1
    private var columnIndex = 0

    init(_ text: String, file: String) {
        bytes = Array(text.utf8)
        self.file = file
    }

    /// Reads fields up to a closing bracket, or up to the end.
    mutating func fields(until end: UInt8?, depth: Int) throws(ConfigurationErrors) -> [TextFormat.Field] {
        guard depth <= TextFormat.maxDepth else {
            throw fault("more than \(TextFormat.maxDepth) messages within messages")
        }
        var fields: [TextFormat.Field] = []
        while true {
            skipBlanks()
            guard let byte = peek else {
                guard let end else { return fields }
                throw fault("the text ends before \(Self.quoted(end))")
            }
            if byte == end {
                index += 1
                return fields
            }
            fields.append(try field(depth: depth))
            skipBlanks()
            if peek == UInt8(ascii: ",") || peek == UInt8(ascii: ";") { index += 1 }
        }
    }

    private mutating func field(depth: Int) throws(ConfigurationErrors) -> TextFormat.Field {
        let (start, place) = (index, here())
        let name = word()
        guard !name.isEmpty else { throw fault("expected the name of a field, found \(found)") }
        skipBlanks()
        let hasColon = peek == UInt8(ascii: ":")
        if hasColon { index += 1 }
        skipBlanks()
        let value: TextFormat.Value
        if peek == UInt8(ascii: "[") {
            value = .list(try list(depth: depth))
        } else if let message = try message(depth: depth) {
            value = .message(message)
        } else {
            guard hasColon else { throw fault("\(name): expected \":\" or \"{\", found \(found)") }
            value = .scalar(try scalar())
        }
        return .init(name: name, place: place, range: start..<index, value: value)
    }

    private mutating func list(
        depth: Int
    ) throws(ConfigurationErrors) -> [(place: Place, range: Range<Int>, value: TextFormat.Value)] {
        var elements: [(place: Place, range: Range<Int>, value: TextFormat.Value)] = []
        index += 1
        skipBlanks()
        while peek != UInt8(ascii: "]") {
            if !elements.isEmpty {
                guard peek == UInt8(ascii: ",") else { throw fault("expected \",\" or \"]\", found \(found)") }
                index += 1
                skipBlanks()
            }
            let (start, place) = (index, here())
            let value: TextFormat.Value =
                if let message = try message(depth: depth) { .message(message) } else { .scalar(try scalar()) }
            elements.append((place, start..<index, value))
            skipBlanks()
        }
        index += 1
        return elements
    }

    /// A message in brackets; `nil` if there is no bracket.
    private mutating func message(depth: Int) throws(ConfigurationErrors) -> [TextFormat.Field]? {
        let brackets: [UInt8: UInt8] = [UInt8(ascii: "{"): UInt8(ascii: "}"), UInt8(ascii: "<"): UInt8(ascii: ">")]
        guard let end = peek.flatMap({ brackets[$0] }) else { return nil }
        index += 1
        return try fields(until: end, depth: depth + 1)
    }

    private mutating func scalar() throws(ConfigurationErrors) -> Range<Int> {
        let start = index
        if let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            var end = index
            // Strings that follow one another are one.
            while peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
                try string()
                end = index
                skipBlanks()
            }
            return start..<end
        }
        if peek == UInt8(ascii: "-") {
            index += 1
            skipBlanks()
        }
        guard !word().isEmpty else { throw fault("expected a value, found \(found)") }
        return start..<index
    }

    private mutating func string() throws(ConfigurationErrors) {
        let (quote, start) = (bytes[index], here())
        index += 1
        while let byte = peek, byte != UInt8(ascii: "\n") {
            index += 1
            if byte == quote { return }
            if byte == UInt8(ascii: "\\"), let next = peek, next != UInt8(ascii: "\n") { index += 1 }
        }
        throw ConfigurationErrors(file, at: start, "a string isn't closed on its line")
    }

    /// Letters, digits and what else numbers and names have.
    private mutating func word() -> String {
        let start = index
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
                index += 1
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                // The sign of an exponent.
                guard index > start, bytes[index - 1] | 0x20 == UInt8(ascii: "e"),
                    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[start]) || bytes[start] == UInt8(ascii: ".")
                else { return String(decoding: bytes[start..<index], as: UTF8.self) }
                index += 1
            default: return String(decoding: bytes[start..<index], as: UTF8.self)
            }
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\n"):
                index += 1
                (line, column, columnIndex) = (line + 1, 1, index)
            case UInt8(ascii: " "), 0x09, 0x0B, 0x0C, 0x0D: index += 1
            case UInt8(ascii: "#"): while let next = peek, next != UInt8(ascii: "\n") { index += 1 }
            default: return
            }
        }
    }

    // MARK: Places and faults

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Where the scanner is. It goes on from where it was asked before: a text of one line may have many fields.
    private mutating func here() -> Place {
        // Continuation bytes of UTF-8 are no columns of their own.
        column += bytes[columnIndex..<index].count { $0 & 0xC0 != 0x80 }
        columnIndex = index
        return Place(line: line, column: column)
    }

    private var found: String {
        guard let byte = peek else { return "the end of the text" }
        return byte < 0x80 ? Self.quoted(byte) : "a letter that isn't ASCII"
    }

    private static func quoted(_ byte: UInt8) -> String { String(reflecting: String(UnicodeScalar(byte))) }

    private mutating func fault(_ message: String) -> ConfigurationErrors {
        ConfigurationErrors(file, at: here(), message)
    }
}
