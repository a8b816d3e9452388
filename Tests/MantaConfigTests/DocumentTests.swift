import MantaServing
import MantaTestKit
import Testing

@testable import MantaConfig

/// The faults of a `model.yaml`, each as a line.
private func faults(_ yaml: String) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try DeploymentConfiguration(yaml: yaml, file: "f", name: "m")
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

@Suite("The form of a file", .timeLimit(.minutes(1)))
struct DocumentTests {
    @Test(
        "what is no YAML is told with its place",
        arguments: [
            ("a: [1, 2\nb: 3", "f:2:2: not YAML: "),
            ("queue:\n\tmax_requests: 1", "f:2:1: not YAML: found character that cannot start any token"),
            ("a: 'x", "f:1:6: not YAML: found unexpected end of stream while scanning a quoted scalar"),
            ("a: *b", "f:1:4: not YAML: found undefined alias"),
            ("a: &x [*x]", "f:1:8: not YAML: found undefined alias"),
            ("replicas: 1\na: \u{1}", "f:2:4: not YAML: control characters are not allowed"),
            ("é: \u{7}", "f:1:4: not YAML: control characters are not allowed"),
            ("a: @b", "f:1:4: not YAML: found character that cannot start any token"),
        ])
    func syntax(yaml: String, start: String) {
        let faults = faults(yaml)

        #expect(faults.count == 1)
        #expect(faults.first?.hasPrefix(start) == true, "\(faults)")
    }

    @Test("a second document is refused")
    func documents() {
        #expect(faults("replicas: 1\n---\nreplicas: 2") == ["f:2:1: a second document begins here, expected one"])
    }

    @Test("a file is a mapping", arguments: [("[1]", "a list"), ("3", "3"), ("model", "the string \"model\"")])
    func root(yaml: String, found: String) {
        #expect(faults(yaml) == ["f:1:1: expected a mapping of keys to values, found \(found)"])
    }

    @Test("a key is a word")
    func keys() {
        #expect(
            faults("? [a]\n: 1\n{b: 1}: 2\nreplicas: 1") == [
                "f:1:3: expected a key, found a list", "f:3:1: expected a key, found a mapping",
            ])
    }

    @Test("an anchor's value may be used again")
    func aliases() throws {
        let yaml = "batching: {max_batch_size: &n 7}\nreplicas: *n\nwarmup: {rows: [*n]}"
        let configuration = try DeploymentConfiguration(yaml: yaml, file: "f", name: "m")

        #expect(configuration.replicas == 7)
        #expect(configuration.warmupRows == [7])
    }

    @Test("a wrong value that is used again is told for each use")
    func wrongAlias() {
        #expect(
            faults("replicas: &n no\nqueue: {max_requests: *n}") == [
                "f:1:11: queue.max_requests: expected a whole number from 1 to 1000000, found the string \"no\"",
                "f:1:11: replicas: expected a whole number from 1 to 1024, found the string \"no\"",
            ])
    }

    @Test("keys given more than once are all told, however they are written")
    func repeated() {
        #expect(
            faults("replicas: 1\n\"replicas\": 2\nqueue: {max_bytes: 1, 'max_bytes': 2}\nreplicas: 3") == [
                "f:2:1: \"replicas\" is given twice, first in line 1",
                "f:3:23: queue: \"max_bytes\" is given twice, first in line 3",
                "f:4:1: \"replicas\" is given twice, first in line 1",
            ])
        #expect(
            faults("\"\\x72eplicas\": 1\nreplicas: 2\nquue: 1") == [
                "f:1:1: \"replicas\" is given twice in one mapping"
            ])
        #expect(faults(String(repeating: "replicas: 1\n", count: 100)).count == 1)
        #expect(faults((["", "", "\u{E000}", "\u{E001}"].map { $0 + "replicas: 1\n" }).joined()).count > 0)
    }

    @Test("aliases that multiply are refused before they do")
    func bomb() {
        let value =
            ["a: &a [x, x]"]
            + zip("abcdefghi", "bcdefghij").map {
                "\($1): &\($1) [\(Array(repeating: "*\($0)", count: 9).joined(separator: ", "))]"
            }
        let key = value + ["? *j\n: 1"]

        for lines in [value, key] {
            #expect(
                faults(lines.joined(separator: "\n")) == [
                    "f:3:12: more than the 10 aliases that a configuration may have"
                ])
        }
    }

    @Test("stars in comments and file names are no aliases")
    func stars() {
        let comment = Array(repeating: "# *This* is one, models/*.onnx too.\n", count: 20).joined()

        #expect(
            faults(comment + "replicas: 0") == [
                "f:21:11: replicas: expected a whole number from 1 to 1024, found 0"
            ])
        #expect(
            faults("a: \"\n\(comment)  # \": [\(Array(repeating: "*a", count: 11).joined(separator: ","))]") == [
                "f:22:39: more than the 10 aliases that a configuration may have"
            ])
    }

    @Test("what only looks like a comment is none")
    func notComments() {
        let aliases = Array(repeating: "*a", count: 11).joined(separator: ", ")

        for line in ["\u{A0}# x: [\(aliases)]", "# x\rx: [\(aliases)]", "# x\u{2028}x: [\(aliases)]"] {
            #expect(faults(line).first?.hasSuffix("more than the 10 aliases that a configuration may have") == true)
        }
    }

    @Test("the most that ten aliases can do is soon over")
    func smallBomb() {
        let leaf = "a: &a [" + Array(repeating: "x", count: 32_000).joined(separator: ",") + "]"
        let lines = [leaf] + zip("abc", "bcd").map { "\($1): &\($1) [*\($0), *\($0), *\($0)]" } + ["? *d\n: 1"]

        #expect(faults(lines.joined(separator: "\n")).count == 5)
    }

    @Test("deep nesting is refused, not followed", arguments: ["[", "{", "a: {", "- ", "? "])
    func nesting(opening: String) {
        #expect(faults(String(repeating: opening, count: SourceText.maxBytes / opening.utf8.count)).count == 1)
    }

    @Test("text that is too large for a configuration isn't read, wherever it comes from")
    func tooLarge() {
        let comment = String(repeating: "#", count: SourceText.maxBytes)

        #expect(faults(comment) == [])
        #expect(faults(comment + "#") == ["f: is larger than the 64 KiB that such a file may have"])
    }

    @Test("a message stays on one line and short")
    func longText() {
        let word = String(repeating: "x", count: 1000)

        #expect(
            faults("replicas: \"a\\n\(word)\"") == [
                "f:1:11: replicas: expected a whole number from 1 to 1024, found the string \"a\\n\(word.prefix(58))…\""
            ])
        #expect(
            faults("replicas: \"a\\u2028\\u2029\\u0085\"") == [
                #"f:1:11: replicas: expected a whole number from 1 to 1024, found the string "a\u{2028}\u{2029}\u{85}""#
            ])
    }

    private static let model = """
        # A model.
        name: m
        batching: &b {max_batch_size: 64, max_queue_delay_ms: 0.5}
        queue:
          max_requests: 10
          max_bytes: "64 MiB"
        versions: {serve: [1, 3]}
        warmup:
          rows:
            - 1
            - &n 64
        replicas: *n
        onnxruntime: {threads: 2, optimization: basic, arena: true}

        """
    private static let server = """
        models: [models, /srv/models]
        http: &http
          listen: 0.0.0.0:8000
          tls: {certificate: a.pem, key: 'b.pem'}
          limits: {body_bytes: 1 GiB, idle_timeout_s: 7.5}
        admin: *http
        logging: {level: debug}

        """

    @Test(
        "a file with any letters changed is read or refused", arguments: UInt64(0)..<8, [Self.model, Self.server])
    func mutations(seed: UInt64, sound: String) {
        var generator = SeededGenerator(seed: seed)
        let letters = "abz_019.-+:,[]{}&*!?|>'\"%@`#~<= \n\r\t\u{0}\u{7f}\u{85}é\u{2028}\u{FEFF}\u{E000}\u{1F600}"
        let alphabet = Array(letters.unicodeScalars)
        #expect(faults(Self.model) == [])
        #expect(ServerConfiguration.read(yaml: Self.server, file: "f").faults == [])

        for _ in 0..<200 {
            var text = Array(sound.unicodeScalars)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                let letter = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text[index] = letter
                case 1: text.insert(letter, at: index)
                case 2: text.remove(at: index)
                default: text.insert(contentsOf: text[index...].prefix(20), at: index)
                }
            }
            let yaml = text.reduce(into: "") { $0.unicodeScalars.append($1) }
            _ = faults(yaml)
            _ = ServerConfiguration.read(yaml: yaml, file: "f")
        }
    }
}

@Suite("The text of a file")
struct SourceTextTests {
    @Test("a file that isn't text is refused where it stops being that")
    func encoding() throws {
        try TemporaryFolder.with { folder in
            try folder.write([UInt8]("name: m\n# é \u{FFFD}: ".utf8) + [0xC3, 0x28], to: "model.yaml")

            #expect(reason(folder.path + "/model.yaml") == ":2:8: is not UTF-8")
        }
    }

    @Test("a folder, a file that isn't there and one that is too large are refused")
    func unreadable() throws {
        try TemporaryFolder.with { folder in
            try folder.write([UInt8](repeating: UInt8(ascii: "#"), count: SourceText.maxBytes), to: "most.yaml")
            try folder.write([UInt8](repeating: UInt8(ascii: "#"), count: SourceText.maxBytes + 1), to: "more.yaml")

            #expect(reason(folder.path) == ": can't be read: Is a directory")
            #expect(reason(folder.path + "/none") == ": can't be read: No such file or directory")
            #expect(reason(folder.path + "/most.yaml") == nil)
            #expect(
                reason(folder.path + "/more.yaml") == ": is larger than the 64 KiB that such a file may have")
        }
    }

    private func reason(_ path: String) -> String? {
        do throws(ConfigurationErrors) {
            _ = try SourceText.read(path)
            return nil
        } catch {
            return String(error.description.dropFirst(path.count))
        }
    }
}
