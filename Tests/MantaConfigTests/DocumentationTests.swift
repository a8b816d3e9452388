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

        #expect(ServerConfiguration.read(yaml: String(try #require(examples.first)), file: "manta.yaml").faults == [])
        let model = String(try #require(examples.dropFirst().first))
        #expect(try DeploymentConfiguration(yaml: model, file: "model.yaml", name: "m").replicas == 2)
    }

    @Test("every key has its line, with its range")
    func keys() {
        let server = ServerFileTests.keys.map { $0.path.replacing("http.", with: "").replacing("admin.", with: "") }
        let keys = DeploymentFileTests.keys.map(\.path) + server

        for key in keys where key != "versions.serve.latest" && key != "tls" {
            #expect(page.contains("| `\(key)` |"), "\(key)")
        }
    }
}
