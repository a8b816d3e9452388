import FoundationEssentials
import MantaServing
import Testing

@testable import MantaConfig

@Suite("docs/configuration.md")
struct DocumentationTests {
    private let page: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
    }

    @Test("the example of a faulty file prints what the page says")
    func faults() throws {
        let blocks = try #require(page.split(separator: "## Faults").last).split(separator: "```")
        let yaml = try #require(blocks.dropFirst().first).dropFirst("yaml\n".count)
        let messages = try #require(blocks.dropFirst(3).first).split(separator: "\n").map(String.init)

        let error = #expect(throws: ConfigurationErrors.self) {
            try DeploymentConfiguration(yaml: String(yaml), file: "models/digits/model.yaml", name: "digits")
        }

        #expect(error?.faults.map(\.description) == messages)
    }

    @Test("the other examples are right")
    func examples() throws {
        let examples = page.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        let server = try #require(examples.first)
        let models = examples.dropFirst().dropLast()

        #expect(ServerConfiguration.read(yaml: String(server), file: "manta.yaml").faults == [])
        #expect(models.count == 5)
        for model in models {
            #expect(throws: Never.self) {
                try DeploymentConfiguration(yaml: String(model), file: "model.yaml", name: "m")
            }
        }
    }

    @Test("every key of manta.yaml has its line, with its range", arguments: ServerFileTests.keys)
    func serverKeys(key: ServerFileTests.Key) throws {
        guard !key.path.hasSuffix(".tls") else { return }
        try expectLine(for: key.path.replacing("http.", with: "").replacing("admin.", with: ""), key.expected)
    }

    @Test("every key of model.yaml has its line, with its range", arguments: DeploymentFileTests.keys)
    func modelKeys(key: DeploymentFileTests.Key) throws {
        guard !key.path.hasPrefix("versions.serve") else { return }
        try expectLine(for: key.path, key.expected)
    }

    private func expectLine(for key: String, _ expected: String) throws {
        let lines = page.split(separator: "\n").filter { $0.hasPrefix("| `\(key)` |") }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        if let range = expected.firstMatch(of: /from (.+) to ([^,]+)/) {
            #expect(line.contains("\(range.1)–\(range.2)"))
        }
        if expected == "true or false" { #expect(line.contains("`true`, `false`")) }
    }
}
