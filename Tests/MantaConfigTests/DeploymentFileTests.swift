import MantaAutoscaler
import MantaCore
import MantaServing
import Testing

@testable import MantaConfig

/// The faults of a `model.yaml` of a model called digits, each as a line.
private func faults(_ yaml: String) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "digits")
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

private func read(_ yaml: String) throws -> DeploymentConfiguration {
    try DeploymentConfiguration(yaml: yaml, file: "/srv/digits/model.yaml", name: "digits")
}

@Suite("model.yaml")
struct DeploymentFileTests {
    typealias Key = KeyCase<DeploymentConfiguration>

    @Test("each key reaches its place", arguments: keys)
    func reaches(key: Key) throws {
        #expect(key.reaches(try read(key.file(key.value).text)))
    }

    @Test(
        "no key's value in these tests is its default",
        arguments: keys.filter { !["name", "engine"].contains($0.path) })
    func isNoDefault(key: Key) {
        #expect(!key.reaches(DeploymentConfiguration(name: "digits")))
        #expect(!key.reaches(Self.scaledByDefaults))
    }

    /// What a file says that switches scaling by load on and leaves everything else out.
    private static var scaledByDefaults: DeploymentConfiguration {
        var configuration = DeploymentConfiguration(name: "digits")
        configuration.autoscaling = AutoscalingConfiguration()
        return configuration
    }

    @Test("each key refuses values of other types and out of range", arguments: keys)
    func refuses(key: Key) {
        key.expectRefusals(in: "model.yaml", faults: faults)
    }

    @Test("a misspelt key is unknown", arguments: keys)
    func misspelt(key: Key) {
        key.expectSuggestion(in: "model.yaml", faults: faults)
    }

    @Test(
        "a file that says nothing has the defaults",
        arguments: ["", "\n\n", "# nothing\n", "---\n", "{}", "~", "batching:\n  # max_batch_size: 3\n"])
    func defaults(yaml: String) throws {
        #expect(try read(yaml) == DeploymentConfiguration(name: "digits"))
    }

    @Test("versions are served as the file says")
    func versions() throws {
        #expect(try read("versions: {serve: latest}").versions == .latest(1))
        #expect(try read("versions: {serve: [1, 3]}").versions == .only([1, 3]))
        #expect(
            faults("versions: {serve: []}") == [
                "model.yaml:1:19: versions.serve: expected a list, each a whole number from 1 to 2147483647, "
                    + "found an empty list"
            ])
        #expect(
            faults("versions: {serve: {}}") == ["model.yaml:1:19: versions.serve: the key \"latest\" is missing"])
    }

    @Test("each element of a list that is wrong is a fault of its own")
    func elements() {
        #expect(
            faults("warmup:\n  rows:\n    - 1\n    - 0\n    - [2]\n") == [
                "model.yaml:4:7: warmup.rows: expected a whole number from 1 to 65536, found 0",
                "model.yaml:5:7: warmup.rows: expected a whole number from 1 to 65536, found a list",
            ])
    }

    @Test("what is planned is refused, not ignored")
    func planned() {
        #expect(
            faults("versions: {keep: 2}") == ["model.yaml:1:12: versions.keep: not supported yet"])
    }

    @Test("a path begins at the file's folder, unless it is whole")
    func path() throws {
        #expect(try read("path: ../nets").path == "/srv/digits/../nets")
        #expect(try read("path: /nets").path == "/nets")
        #expect(try DeploymentConfiguration(yaml: "path: nets", file: "model.yaml", name: "digits").path == "nets")
    }

    @Test("the number of replicas is either pinned or follows the load")
    func pinnedOrScaled() {
        #expect(
            faults("replicas: 2\nautoscaling: {max_replicas: 4}") == [
                "model.yaml:2:14: autoscaling: \"replicas\" pins the number, \"autoscaling\" frees it: expected one of both"
            ])
    }

    @Test(
        "tuning excludes what it is to find",
        arguments: [
            ("replicas: 2", "replicas"), ("autoscaling: {}", "autoscaling"),
            ("onnxruntime: {threads: 1}", "onnxruntime.threads"),
        ])
    func tuning(yaml: String, key: String) {
        #expect(
            faults("\(yaml)\ntuning: true") == [
                "model.yaml:2:9: tuning: \"tuning\" finds what \"\(key)\" sets: expected one of both"
            ])
        #expect(faults("\(yaml)\ntuning: false") == [])
    }

    @Test("what may not run twice isn't sent to a second server")
    func hedge() throws {
        #expect(try read("hedge: {}").hedge == .init())
        #expect(try read("idempotent: true\nhedge:").hedge == .init())
        #expect(
            faults("hedge: {budget: 0.1}\nidempotent: false") == [
                "model.yaml:1:8: hedge: \"hedge\" runs a batch twice, \"idempotent: false\" forbids that: expected one of "
                    + "both"
            ])
    }

    @Test(
        "a section of autoscaling with nothing in it scales by the defaults",
        arguments: ["autoscaling: {}", "autoscaling:", "autoscaling:\n  # max_replicas: 4\n"])
    func scaledByDefaults(yaml: String) throws {
        #expect(try read(yaml) == Self.scaledByDefaults)
    }

    @Test("bounds that exclude each other are a fault of the one that is off")
    func bounds() {
        #expect(
            faults("autoscaling: {min_replicas: 3, max_replicas: 2}") == [
                "model.yaml:1:46: autoscaling.max_replicas: expected at least 3, got 2"
            ])
        #expect(
            faults("autoscaling:\n  initial_replicas: 5\n  max_replicas: 4") == [
                "model.yaml:2:21: autoscaling.initial_replicas: expected a number from min_replicas to max_replicas, got 5"
            ])
        #expect(
            faults("autoscaling: {min_replicas: 2, initial_replicas: 1}") == [
                "model.yaml:1:50: autoscaling.initial_replicas: expected a number from min_replicas to max_replicas, got 1"
            ])
        #expect(faults("autoscaling: {min_replicas: 3, initial_replicas: 3, max_replicas: 3}") == [])
    }

    @Test("a section that is no mapping is a fault")
    func section() {
        #expect(
            faults("batching: 3\nqueue: [1]\nslo: !!omap {p99_ms: 3}") == [
                "model.yaml:1:11: batching: expected a mapping of keys to values, found 3",
                "model.yaml:2:8: queue: expected a mapping of keys to values, found a list",
                "model.yaml:3:6: slo: expected a mapping of keys to values, found a mapping with the tag "
                    + "\"tag:yaml.org,2002:omap\"",
            ])
    }

    @Test("all faults of a file are told at once, in its order")
    func all() {
        let yaml = """
            name: digit
            batchng: {max_batch_size: 64}
            queue:
              max_requests: 0
              max_requests: 10
              default_timeout_ms: 10s
              colour: red
            replicas: "2"
            replicas: 4096
            """

        #expect(
            faults(yaml) == [
                "model.yaml:1:7: name: expected \"digits\", the name of the deployment, found the string \"digit\"",
                "model.yaml:2:1: unknown key \"batchng\", did you mean \"batching\"? allowed here: name, path, "
                    + "file_name, remote, idempotent, hedge, engine, batching, inputs, outputs, slo, queue, response_cache, replicas, "
                    + "versions, warmup, onnxruntime, rollout, autoscaling, tuning, resources, placement",
                "model.yaml:4:17: queue.max_requests: expected a whole number from 1 to 1000000, found 0",
                "model.yaml:5:3: queue: \"max_requests\" is given twice, first in line 4",
                "model.yaml:6:23: queue.default_timeout_ms: expected a number of milliseconds from 0.001 to 86400000, "
                    + "found the string \"10s\"",
                "model.yaml:7:3: queue: unknown key \"colour\"; allowed here: max_requests, max_bytes, "
                    + "default_timeout_ms, on_timeout, timeout_override, priorities, default_priority, policies",
                "model.yaml:8:11: replicas: expected a whole number from 1 to 1024, found the string \"2\"",
                "model.yaml:9:1: \"replicas\" is given twice, first in line 8",
                "model.yaml:9:11: replicas: expected a whole number from 1 to 1024, found 4096",
            ])
    }
}
