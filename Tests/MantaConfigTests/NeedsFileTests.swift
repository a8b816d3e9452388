import MantaRuntime
import MantaServing
import Testing

@testable import MantaConfig

@Suite("What replicas need, in model.yaml")
struct NeedsFileTests {
    @Test("nothing is needed unless the file says so")
    func nothing() throws {
        let configuration = try read("resources: {}\nplacement: {labels: }\n")

        #expect(configuration == DeploymentConfiguration(name: "m"))
        #expect(configuration.resources == Resources())
    }

    @Test("values of names that are the writer's own are told with their names")
    func values() {
        #expect(
            faults("resources:\n  custom: {tpu: many}\nplacement:\n  labels:\n    zone: 1\n    rack: \"a\\nb\"\n") == [
                "model.yaml:2:17: resources.custom.tpu: expected a number from 0 to 1000000, with at most three "
                    + "decimals, found the string \"many\"",
                "model.yaml:5:11: placement.labels.zone: expected a string of one line and at most 256 bytes, found 1",
                "model.yaml:6:11: placement.labels.rack: expected a string of one line and at most 256 bytes, found "
                    + "the string \"a\\nb\"",
            ])
    }

    @Test(
        "a name that an option of a worker can't have is refused", arguments: ["", "a b", "a=b", "a\\nb", "a\\u2028b"])
    func names(name: String) throws {
        let faults = faults("placement: {labels: {\"\(name)\": x}}")

        #expect(faults.count == 1)
        let start = "model.yaml:1:22: placement.labels: expected a name of at most 256 bytes without spaces and ="
        #expect(faults.allSatisfy { $0.hasPrefix(start) && !$0.contains(where: \.isNewline) }, "\(faults)")
    }

    @Test("a name that is given twice is told once")
    func repeated() {
        #expect(
            faults("resources: {custom: {tpu: 1, tpu: x}}") == [
                "model.yaml:1:30: resources.custom: \"tpu\" is given twice, first in line 1",
                "model.yaml:1:35: resources.custom.tpu: expected a number from 0 to 1000000, with at most three "
                    + "decimals, found the string \"x\"",
            ])
    }

    @Test("what other names are used for elsewhere isn't taken for a resource")
    func misspelt() {
        #expect(
            faults("resources: {cpu: 2}") == [
                "model.yaml:1:13: resources: unknown key \"cpu\", did you mean \"cpus\"? allowed here: cpus, memory, "
                    + "gpus, custom"
            ])
    }

    @Test("models of other servers have no place of ours")
    func remote() {
        #expect(
            faults("remote: [\"http://a:1/v2/models/m\"]\nresources: {cpus: 1}\nplacement: {}\n") == [
                "model.yaml:2:12: resources: is for a model that this node loads, but \"remote\" names servers that "
                    + "have it loaded",
                "model.yaml:3:12: placement: is for a model that this node loads, but \"remote\" names servers that "
                    + "have it loaded",
            ])
    }

    @Test(
        "it is written as it was read, whatever the names look like",
        arguments: [
            "~", "true", "1", "<<", "a:b", "camelCase", "snake_case", "#", "ü", "name", "*a", "\"", "'", "\\", "-", "?",
            "\u{FFFF}", "a\u{FEFF}b", "a\u{200B}", "\u{E000}", "😀", String(repeating: "x", count: 256),
        ])
    func written(name: String) throws {
        var configuration = DeploymentConfiguration(name: "m")
        configuration.resources = Resources(cpus: Amount(thousandths: 1), memory: 1, gpus: Amount(thousandths: 333))
        configuration.resources.custom[name] = Amount(thousandths: 100)
        configuration.placement.labels[name] = name
        configuration.placement.preferredLabels = [name: "/srv/m/a", "b": "/srv/m"]

        #expect(try read(configuration.yaml()) == configuration, "\(configuration.yaml())")
        #expect(try read(configuration.yaml(relativeTo: "/srv/m")) == configuration)
    }

    @Test("it is written as people write it")
    func tidy() throws {
        let yaml = """
            placement:
              labels:
                zone: a
            resources:
              cpus: 2
              memory: 1024

            """

        #expect(try read(yaml).yaml() == yaml)
    }

    @Test("a change of it makes no new instance of the model")
    func instance() throws {
        let version = VersionSpec(number: 1, path: "1/model.onnx", hash: "sha256:0")
        let before = InstanceSpec(version, configuration: try read(""))
        let after = InstanceSpec(version, configuration: try read("resources: {cpus: 2}\nplacement: {labels: {a: b}}"))

        #expect(before == after)
    }

    private func read(_ yaml: String) throws -> DeploymentConfiguration {
        try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "m")
    }

    private func faults(_ yaml: String) -> [String] {
        do throws(ConfigurationErrors) {
            _ = try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "m")
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }
}
