import FoundationEssentials
import MantaServing
import Testing

@testable import MantaConfig

@Suite("The status of a configuration")
struct DeploymentDocumentTests {
    @Test("reads as the configuration that it tells of, each key by itself", arguments: DeploymentFileTests.keys)
    func reads(key: DeploymentFileTests.Key) throws {
        let configuration = try read(key.file(key.value).text)

        #expect(try read(try text(of: configuration)) == configuration)
    }

    @Test("tells the defaults")
    func defaults() throws {
        let configuration = DeploymentConfiguration(name: "digits")

        #expect(try read(try text(of: configuration)) == configuration)
        #expect(try text(of: configuration).contains("\"trial_requests\":20"))
    }

    private func read(_ yaml: String) throws -> DeploymentConfiguration {
        try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "digits")
    }

    private func text(of configuration: DeploymentConfiguration) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(configuration.document), as: UTF8.self)
    }
}
