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
    /// Keys that come again later in their mapping, by where they stand. See `compose`.
    private let repeated: [Place: String]

    /// Reads YAML.
    ///
    /// - Throws: ``ConfigurationErrors`` with the place where the text stops being YAML.
    init(_ text: String, file: String) throws(ConfigurationErrors) {
        // Also what comes by the network: each byte may become a node of some hundred.
        guard text.utf8.count <= SourceText.maxBytes else {
            throw ConfigurationErrors(file, SourceText.tooLarge(SourceText.maxBytes))
        }
        if let place = text.placeOfAlias(number: Self.maxAliases + 1) {
            throw ConfigurationErrors(
                file, at: place, "more than the \(Self.maxAliases) aliases that a configuration may have")
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
        var attempt = 0
        while true {
            do {
                // Without rules nothing is a number yet: `ScalarValue` decides that, by rules without surprises.
                return (try Yams.compose(yaml: text, .basic, .default, .utf8), repeated)
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let place = Place(context.mark)
                guard let name = names.first, attempt < maxRepetitions,
                    let masked = text.masking(name, at: place, number: attempt)
                else {
                    let name = names.first.map { ScalarValue.quoted($0) } ?? "a key"
                    throw ConfigurationErrors(file, at: place, "\(name) is given twice in one mapping")
                }
                text = masked
                repeated[place] = repeated[place] ?? name
                attempt += 1
            } catch {
                throw syntaxFault(file, text, error)
            }
        }
    }

    private static func syntaxFault(_ file: String, _ text: String, _ error: any Error) -> ConfigurationErrors {
        switch error {
        case YamlError.composer(_, "but found another document", let mark, _):
            return ConfigurationErrors(file, at: Place(mark), "a second document begins here, expected one")
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let scope = context.map { " \($0.text) that begins in line \($0.mark.line)" } ?? ""
            return ConfigurationErrors(file, at: Place(mark), "not YAML: \(problem)\(scope)")
        case YamlError.reader(let problem, let offset, _, _):
            let place = offset.map { text.place(of: text.index(text.startIndex, offsetBy: $0)) }
            return ConfigurationErrors(file, at: place, "not YAML: \(problem)")
        default:
            return ConfigurationErrors(file, "not YAML: \(error)")
        }
    }
}
