import Yams

/// The tree of a YAML file.
///
/// What people write by hand has one document and few aliases, so more is refused. That keeps a file of a few lines,
/// whose aliases multiply, from taking all memory and time.
struct Document {
    /// Aliases that a file may have: ten of them can multiply a node 36 times, no more.
    static let maxAliases = 10
    /// Repeated keys that are all named. A file with more of them is mended in two goes.
    static let maxRepetitions = 32

    /// The file's name, for messages.
    let file: String
    /// What the file holds; `nil` if that is nothing.
    let root: Node?
    /// Keys that come again later in their mapping, by where they stand. See `masking`.
    private let repeated: [Place: String]

    /// Reads YAML.
    ///
    /// - Throws: ``ConfigurationErrors`` with the place where the text stops being YAML.
    init(_ text: String, file: String) throws(ConfigurationErrors) {
        if let place = text.placeOfAlias(number: Self.maxAliases + 1) {
            throw ConfigurationErrors(faults: [
                ConfigurationFault(
                    file: file, line: place.line, column: place.column,
                    message: "more than the \(Self.maxAliases) aliases that a configuration may have")
            ])
        }
        self.file = file
        (root, repeated) = try Self.compose(text, file: file)
    }

    /// The name of a key, or `nil` if it is a list or a mapping.
    func name(of key: Node) -> String? {
        key.mark.flatMap { repeated[Place($0)] } ?? key.scalar?.string
    }

    /// A fault at a place in the file.
    func fault(at mark: Mark?, _ message: String) -> ConfigurationFault {
        ConfigurationFault(file: file, line: mark?.line, column: mark?.column, message: message)
    }

    /// Yams refuses a file at its first repeated key, and with that the rest would go unread. So the first of the two
    /// is masked in the text, noted, and the text is read again.
    private static func compose(
        _ text: String, file: String
    ) throws(ConfigurationErrors) -> (root: Node?, repeated: [Place: String]) {
        var text = text
        var repeated: [Place: String] = [:]
        while true {
            do {
                // Without rules nothing is a number yet: `ScalarValue` decides that, by rules without surprises.
                return (try Yams.compose(yaml: text, .basic, .default, .utf8), repeated)
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let place = Place(context.mark)
                guard let name = names.first, repeated.count < maxRepetitions,
                    let masked = text.masking(name, at: place, number: repeated.count)
                else {
                    let name = names.first.map { ScalarValue.quoted($0) } ?? "a key"
                    throw syntaxFault(file, place, "\(name) is given twice in one mapping")
                }
                text = masked
                repeated[place] = name
            } catch {
                throw syntaxFault(file, text, error)
            }
        }
    }

    private static func syntaxFault(_ file: String, _ text: String, _ error: any Error) -> ConfigurationErrors {
        switch error {
        case YamlError.composer(_, "but found another document", let mark, _):
            return syntaxFault(file, Place(mark), "a second document begins here, expected one")
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let scope = context.map { " \($0.text) that begins in line \($0.mark.line)" } ?? ""
            return syntaxFault(file, Place(mark), "not YAML: \(problem)\(scope)")
        case YamlError.reader(let problem, let offset, _, _):
            let place = offset.map { text.place(of: text.index(text.startIndex, offsetBy: $0)) }
            return syntaxFault(file, place, "not YAML: \(problem)")
        default:
            return syntaxFault(file, nil, "not YAML: \(error)")
        }
    }

    private static func syntaxFault(_ file: String, _ place: Place?, _ message: String) -> ConfigurationErrors {
        ConfigurationErrors(faults: [
            ConfigurationFault(file: file, line: place?.line, column: place?.column, message: message)
        ])
    }
}

/// A line and a column, from 1, columns in Unicode scalars.
struct Place: Hashable {
    var line = 1
    var column = 1
}

extension Place {
    init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }
}

extension String {
    /// Where an index is.
    func place(of index: Index) -> Place {
        var place = Place()
        for scalar in unicodeScalars[..<index] { place.advance(past: scalar) }
        return place
    }

    /// Where the alias of this number, from 1, may stand. `a*b` in a string counts as well: to know better, the text
    /// would have to be parsed, and that is what must not begin.
    func placeOfAlias(number: Int) -> Place? {
        var count = 0
        for (index, line) in split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // A comment, unless a quote makes it the end of a string that began on another line.
            if line.first(where: { !$0.isWhitespace }) == "#", !line.contains("\""), !line.contains("'") { continue }
            for (column, pair) in zip(line.unicodeScalars, line.unicodeScalars.dropFirst()).enumerated() {
                guard pair.0 == "*", pair.1.mayBeginAnchor else { continue }
                count += 1
                if count == number { return Place(line: index + 1, column: column + 1) }
            }
        }
        return nil
    }

    /// This text with another first letter in the key at `place`, which no other key has; `nil` if there is no such key.
    func masking(_ name: String, at place: Place, number: Int) -> String? {
        var position = Place()
        var index = startIndex
        while position != place {
            guard index < endIndex, position.line <= place.line else { return nil }
            position.advance(past: unicodeScalars[index])
            unicodeScalars.formIndex(after: &index)
        }
        let key = unicodeScalars[index...].drop { $0 == "\"" || $0 == "'" }
        guard !name.isEmpty, key.starts(with: name.unicodeScalars),
            let mask = Unicode.Scalar(0xE000 + UInt32(number))  // for private use
        else { return nil }
        var scalars = unicodeScalars
        scalars.replaceSubrange(key.startIndex..<scalars.index(after: key.startIndex), with: [mask])
        return String(scalars)
    }
}

extension Unicode.Scalar {
    /// Whether the name of an anchor may begin with this.
    fileprivate var mayBeginAnchor: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}

extension Place {
    fileprivate mutating func advance(past scalar: Unicode.Scalar) {
        if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
}
