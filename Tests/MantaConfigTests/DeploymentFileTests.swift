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
    try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "digits")
}

@Suite("model.yaml")
struct DeploymentFileTests {
    typealias Key = KeyCase<DeploymentConfiguration>

    private static let rows = "a whole number from 1 to 65536"
    private static let version = "latest, all, a list of versions such as [1, 3], or {latest: 2}"

    static let keys: [Key] = [
        Key(
            "name", "digits", expected: "\"digits\", the name of the deployment",
            refused: notStrings + strings("Digits")
        ) { $0.name == "digits" },
        Key("engine", "onnxruntime", expected: "onnxruntime", refused: notStrings + strings("tensorrt")) {
            $0.engine == "onnxruntime"
        },
        Key(
            "batching.max_batch_size", "16", expected: "a whole number from 0 to 65536",
            refused: notNumbers + numbers("-1", "65537", "2.0", "1e3")
        ) { $0.batching.maxRows == 16 },
        Key(
            "batching.max_queue_delay_ms", "0.5", expected: "a number of milliseconds from 0 to 60000",
            refused: notNumbers + numbers("-0.1", "60000.5")
        ) { $0.batching.maxDelay == .microseconds(500) },
        Key(
            "slo.p99_ms", "20", expected: "a number of milliseconds from 0.1 to 3600000",
            refused: notNumbers + numbers("0", "3600001")
        ) { $0.objective == .milliseconds(20) },
        Key(
            "queue.max_requests", "7", expected: "a whole number from 1 to 1000000",
            refused: notNumbers + numbers("0", "1000001")
        ) { $0.queue.maxRequests == 7 },
        Key(
            "queue.max_bytes", "64 MiB", expected: "a size from 1 byte to 1024 GiB, as bytes or such as 64 MiB",
            refused: notNumbers + numbers("0", "1.5", "1099511627777")
                + strings("64MB", "1.5 GiB", "-1 KiB", "1025 GiB")
        ) { $0.queue.maxBytes == 64 << 20 },
        Key(
            "queue.default_timeout_ms", "2.5e3", expected: "a number of milliseconds from 1 to 86400000",
            refused: notNumbers + numbers("0", "86400001")
        ) { $0.queue.defaultTimeout == .milliseconds(2500) },
        Key(
            "replicas", "3", expected: "a whole number from 1 to 1024", refused: notNumbers + numbers("0", "1025")
        ) { $0.replicas == 3 },
        Key(
            "versions.serve", "all", expected: version,
            refused: notStrings.filter { $0.yaml.first != "[" && $0.yaml.first != "{" } + strings("newest")
        ) { $0.versions == .all },
        Key(
            "versions.serve.latest", "2", expected: "a whole number from 1 to 1024",
            refused: notNumbers + numbers("0", "1025")
        ) { $0.versions == .latest(2) },
        Key(
            "warmup.rows", "[1, 64]", expected: "a list, each \(rows)",
            refused: [("64", "64"), ("all", "the string \"all\""), ("{a: 1}", "a mapping"), ("~", "nothing")]
        ) { $0.warmupRows == [1, 64] },
        Key(
            "onnxruntime.threads", "4", expected: "a whole number from 1 to 1024",
            refused: notNumbers + numbers("0", "1025")
        ) { $0.options.threads == 4 },
        Key(
            "onnxruntime.optimization", "basic", expected: "none, basic, extended, all",
            refused: notStrings + strings("off")
        ) { $0.options.optimization == .basic },
        Key("onnxruntime.arena", "false", expected: "true or false", refused: notFlags) { $0.options.arena == false },
        Key("onnxruntime.memory_pattern", "true", expected: "true or false", refused: notFlags) {
            $0.options.memoryPattern == true
        },
    ]

    @Test("each key reaches its place", arguments: keys)
    func reaches(key: Key) throws {
        #expect(key.reaches(try read(key.file(key.value).text)))
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
            faults("autoscaling: {max_replicas: 2}\nresources: {}\nversions: {keep: 2}") == [
                "model.yaml:1:1: autoscaling: not supported yet",
                "model.yaml:2:1: resources: not supported yet",
                "model.yaml:3:12: versions.keep: not supported yet",
            ])
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
                "model.yaml:2:1: unknown key \"batchng\", did you mean \"batching\"? allowed here: name, engine, "
                    + "batching, slo, queue, replicas, versions, warmup, onnxruntime",
                "model.yaml:4:17: queue.max_requests: expected a whole number from 1 to 1000000, found 0",
                "model.yaml:5:3: queue: \"max_requests\" is given twice, first in line 4",
                "model.yaml:6:23: queue.default_timeout_ms: expected a number of milliseconds from 1 to 86400000, "
                    + "found the string \"10s\"",
                "model.yaml:7:3: queue: unknown key \"colour\"; allowed here: max_requests, max_bytes, "
                    + "default_timeout_ms",
                "model.yaml:8:11: replicas: expected a whole number from 1 to 1024, found the string \"2\"",
                "model.yaml:9:1: \"replicas\" is given twice, first in line 8",
                "model.yaml:9:11: replicas: expected a whole number from 1 to 1024, found 4096",
            ])
    }
}
