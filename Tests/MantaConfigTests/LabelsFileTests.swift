import Foundation
import MantaServing
import MantaTestKit
import Testing

@testable import MantaConfig

@Suite("What classes are called in model.yaml")
struct LabelsFileTests {
    private func read(_ yaml: String, in folder: String = "") throws(ConfigurationErrors) -> DeploymentConfiguration {
        try DeploymentConfiguration(yaml: yaml, file: folder + "model.yaml", name: "m")
    }

    @Test("the names or a file with them, and they are written again")
    func reads() throws {
        let folder = try TemporaryFolder()
        try folder.write("cat\r\n\ndog\n", to: "labels.txt")
        let configuration = try read(
            """
            outputs:
              - {name: a, labels: [cat, 7, "", 0.5, "a: b"]}
              - {name: b, labels: labels.txt}
              - {name: c}
            """, in: folder.path + "/")

        #expect(
            configuration.outputs.map(\.labels) == [
                .init(names: ["cat", "7", "", "0.5", "a: b"]),
                .init(path: "\(folder.path)/labels.txt", names: ["cat", "", "dog"]), nil,
            ])
        #expect(try read(configuration.yaml()) == configuration)
    }

    @Test(
        "what is wrong is told by its key",
        arguments: [
            ("[]", "labels: expected a list, each a name, found an empty list"),
            ("[cat, [dog]]", "labels: expected a name, found a list"),
            ("[cat, true]", "labels: expected a name, found true"),
            ("/nowhere/labels", "labels: /nowhere/labels: can't be read: "),
        ])
    func refuses(labels: String, message: String) {
        let error = #expect(throws: ConfigurationErrors.self) {
            _ = try read("outputs: [{name: y, labels: \(labels)}]")
        }
        #expect(error?.description.contains("outputs[0].\(message)") == true, "\(error?.description ?? "")")
    }

    @Test("a sample's file may be a link to one")
    func linkedSample() throws {
        let folder = try TemporaryFolder()
        try folder.write("bytes", to: "there/sample.bin")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/sample.bin", withDestinationPath: "there/sample.bin")
        let sample = "{name: x, datatype: UINT8, shape: [5], file: sample.bin}"
        let configuration = try read("warmup: {samples: [{inputs: [\(sample)]}]}", in: folder.path + "/")
        guard case .file(let linked) = configuration.warmupSamples[0].inputs[0].content else {
            Issue.record("\(configuration.warmupSamples)")
            return
        }
        #expect(linked.path == "\(folder.path)/sample.bin")
        #expect(linked.stamp == WarmupSample.DataFile(at: "\(folder.path)/there/sample.bin")?.stamp)
    }
}
