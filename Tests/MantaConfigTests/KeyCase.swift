import Testing

@testable import MantaConfig

/// A key of a file: a value that isn't its default and where it goes, and values that are refused.
struct KeyCase<Configuration: Sendable>: Sendable, CustomTestStringConvertible {
    /// Its name with the keys around it, such as `http.limits.connections`.
    let path: String
    let value: String
    /// Completes "expected …".
    let expected: String
    /// Values of other types and out of range, as YAML, each with how a message tells it.
    let refused: [Refusal]
    let reaches: @Sendable (Configuration) -> Bool

    init(
        _ path: String, _ value: String, expected: String, refused: [Refusal],
        reaches: @escaping @Sendable (Configuration) -> Bool
    ) {
        (self.path, self.value, self.expected) = (path, value, expected)
        (self.refused, self.reaches) = (refused, reaches)
    }

    var testDescription: String { path }

    /// A file with this key alone, and the column of its value in the last line.
    func file(_ value: String) -> (text: String, line: Int, column: Int) {
        let keys = path.split(separator: ".")
        let lines = keys.enumerated().map { depth, key in String(repeating: "  ", count: depth) + key + ":" }
        return (lines.joined(separator: "\n") + " " + value + "\n", lines.count, (lines.last ?? "").count + 2)
    }

    /// A file in which a letter of this key is missing, and the column of the key in the last line.
    func misspelt() -> (text: String, line: Int, column: Int, name: String, section: String) {
        let file = file(value)
        var keys = path.split(separator: ".").map(String.init)
        let name = String((keys.popLast() ?? "").dropFirst())
        let text = file.text.split(separator: "\n").dropLast().map { $0 + "\n" }.joined()
        let indentation = String(repeating: "  ", count: keys.count)
        return (
            text + indentation + name + ": " + value + "\n", file.line, indentation.count + 1, name,
            keys.isEmpty ? "" : keys.joined(separator: ".") + ": "
        )
    }
}

extension KeyCase {
    /// Expects that each value that is refused is one fault, told with its place and what was found.
    func expectRefusals(in name: String, faults: (String) -> [String]) {
        for (yaml, found) in refused {
            let file = file(yaml)
            #expect(
                faults(file.text) == [
                    "\(name):\(file.line):\(file.column): \(path): expected \(expected), found \(found)"
                ])
        }
    }

    /// Expects that the misspelt key is told, with the right one.
    func expectSuggestion(in name: String, faults: (String) -> [String]) {
        let file = misspelt()
        let start = "\(name):\(file.line):\(file.column): \(file.section)unknown key \"\(file.name)\", did you mean"
        #expect(faults(file.text).contains { $0.hasPrefix(start) })
    }
}

/// YAML that a key refuses, and how a message tells it.
typealias Refusal = (yaml: String, found: String)

/// YAML that no key with a number takes.
let notNumbers: [Refusal] =
    [
        ("true", "true"), ("~", "nothing"), ("[1]", "a list"), ("{a: 1}", "a mapping"), ("two", "the string \"two\""),
        ("\"2\"", "the string \"2\""), ("'2'", "the string \"2\""), ("1_000", "the string \"1_000\""),
        ("017", "the string \"017\""), ("0o17", "the string \"0o17\""), ("0x10", "the string \"0x10\""),
        (".inf", "the string \".inf\""), (".nan", "the string \".nan\""), ("1:30", "the string \"1:30\""),
        ("!!int 2", "a value with the tag \"tag:yaml.org,2002:int\""),
    ] + numbers("99999999999999999999", "1e999", "-1e999", "-99999999999999999999")

/// YAML that no key with a switch takes.
let notFlags: [Refusal] = [
    ("yes", "the string \"yes\""), ("off", "the string \"off\""), ("True", "the string \"True\""),
    ("\"true\"", "the string \"true\""), ("1", "1"), ("~", "nothing"), ("[true]", "a list"), ("{a: 1}", "a mapping"),
]

/// YAML that no key with a word or path takes.
let notStrings: [Refusal] = [
    ("1", "1"), ("1.50", "1.50"), ("true", "true"), ("~", "nothing"), ("[a]", "a list"), ("{a: b}", "a mapping"),
    ("\"\"", "the string \"\""), ("!!binary YQ==", "a value with the tag \"tag:yaml.org,2002:binary\""),
]

/// Numbers that are out of range, or not whole.
func numbers(_ numbers: String...) -> [Refusal] { numbers.map { ($0, $0) } }

/// Words that aren't among those allowed.
func strings(_ strings: String...) -> [Refusal] { strings.map { ($0, "the string \"\($0)\"") } }
