import Yams

/// What a single value of a file is, by the rules that most people believe YAML to have.
///
/// They are those of JSON. `yes`, `017`, `0x10`, `1_000`, `.inf` and `1:30`, which readers of YAML take for other things
/// than most writers, are strings, as is everything in quotes.
enum ScalarValue: Hashable {
    case nothing
    case flag(Bool)
    case integer(String)
    case decimal(String)
    case string(String)

    /// The value of a node, or `nil` if it isn't a single value or has a tag such as `!!binary`.
    init?(_ node: Node) {
        guard case .scalar(let scalar) = node else { return nil }
        switch scalar.tag.rawValue {
        case "" where scalar.style == .plain: self.init(plain: scalar.string)
        case "", Tag.Name.nonSpecific.rawValue, Tag.Name.str.rawValue: self = .string(scalar.string)
        default: return nil
        }
    }

    /// The value of a word without quotes.
    init(plain text: String) {
        let number = text.wholeMatch(of: /[-+]?(?:0|[1-9][0-9]*)(?<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/)
        switch text {
        case "", "~", "null": self = .nothing
        case "true": self = .flag(true)
        case "false": self = .flag(false)
        default:
            guard let number else { self = .string(text); return }
            self = number.output.rest.isEmpty ? .integer(text) : .decimal(text)
        }
    }

    /// As in messages.
    var description: String {
        switch self {
        case .nothing: "nothing"
        case .flag(let value): "\(value)"
        case .integer(let text), .decimal(let text): Self.shortened(text)
        case .string(let text): "the string \(Self.quoted(text))"
        }
    }

    /// A text from a file, as in messages: in quotes, on one line, and not too long for one.
    static func quoted(_ text: String) -> String {
        // The library escapes the ends of lines that ASCII has, not Unicode's three others.
        String(reflecting: shortened(text)).unicodeScalars.reduce(into: "") { quoted, scalar in
            if ["\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) {
                quoted += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                quoted.unicodeScalars.append(scalar)
            }
        }
    }

    private static func shortened(_ text: String) -> String {
        text.unicodeScalars.count > 60 ? String(text.unicodeScalars.prefix(60)) + "…" : text
    }
}

extension Node {
    /// What this is, as in messages.
    var summary: String {
        if let scalar = ScalarValue(self) { return scalar.description }
        let (kind, tag) =
            switch self {
            case .mapping(let mapping): ("a mapping", mapping.tag)
            case .sequence(let sequence): ("a list", sequence.tag)
            case .scalar(let scalar): ("a value", scalar.tag)
            case .alias(let alias): ("an alias", alias.tag)
            }
        return isUntagged ? kind : "\(kind) with the tag \(ScalarValue.quoted(tag.rawValue))"
    }

    /// Whether a list or mapping is just that, not one of YAML's sets or ordered maps.
    var isUntagged: Bool {
        switch self {
        case .sequence(let sequence): ["", Tag.Name.seq.rawValue].contains(sequence.tag.rawValue)
        case .mapping(let mapping): ["", Tag.Name.map.rawValue].contains(mapping.tag.rawValue)
        case .scalar, .alias: ScalarValue(self) != nil
        }
    }
}
