/// Metrics on their way to text, metric by metric.
struct PrometheusText {
    private struct Family {
        let kind: String
        var lines: [String] = []
    }

    private let help: [String: String]
    private var families: [String: Family] = [:]

    /// No metrics yet; these are their help texts.
    init(help: [String: String]) {
        self.help = help
    }

    /// Adds lines to a metric; they follow its name.
    mutating func add(_ kind: String, _ name: String, lines: [String]) {
        families[name, default: Family(kind: kind)].lines += lines
    }

    /// All of it, ordered by name.
    func rendered() -> String {
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = help[name] { text += "# HELP \(name) \(Self.escaped(help))\n" }
            text += "# TYPE \(name) \(family.kind)\n"
            for line in family.lines { text += "\(name)\(line)\n" }
        }
        return text
    }

    /// As the exposition format asks for: backslash and line feed are escaped.
    private static func escaped(_ help: String) -> String {
        help.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
            .split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
    }
}
