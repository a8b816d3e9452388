import MantaCore
import MantaServing
import MantaTestKit
import Testing

@testable import MantaConfig

/// A configuration for Triton made of random parts.
private struct RandomConfiguration {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func chance() -> Bool { Bool.random(using: &random) }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &random) }

    mutating func text() -> String {
        let rows = chance() ? number(1...64) : 0
        var parts = ["max_batch_size: \(rows)"]
        for index in 0..<number(1...3) {
            let types = ["TYPE_FP32", "TYPE_STRING", "TYPE_INT64", "TYPE_BF16", "TYPE_BOOL"]
            let reshape = chance() ? "" : " reshape { shape: [ -1, 2, 6 ] }"
            parts.append(
                "input { name: \"in \(index)\" data_type: \(types.randomElement(using: &random) ?? "") "
                    + "dims: [ -1, 3, 4 ]\(reshape)\(chance() ? " optional: true" : "") format: FORMAT_NHWC }")
        }
        parts.append(
            "output { name: \"007\" data_type: TYPE_FP32 dims: \(number(1...9)) "
                + (chance() ? "label_filename: \"labels.txt\" }" : "}"))
        if rows > 0, chance() { parts.append(dynamicBatching(rows)) }
        if chance() { parts.append("instance_group { count: \(number(1...9)) }") }
        if chance() { parts.append("version_policy { specific { versions: [ 1, \(number(2...9)) ] } }") }
        if chance() { parts.append("default_model_filename: \"true\"") }
        if chance() { parts.append("optimization { graph { level: \(number(-1...2)) } }") }
        for name in ["intra_op_thread_count", "inter_op_thread_count", "execution_mode", "enable_mem_arena"] {
            if chance() { parts.append("parameters { key: \"\(name)\" value { string_value: \"\(number(0...1))\" } }") }
        }
        if chance() { parts.append(warmup(rows)) }
        return parts.shuffled(using: &random).joined(separator: "\n")
    }

    private mutating func dynamicBatching(_ rows: Int) -> String {
        var text = "dynamic_batching {\n"
        if chance() { text += "  max_queue_delay_microseconds: \(number(0...5_000_000))\n" }
        if chance() { text += "  preferred_batch_size: [ \(number(1...rows)), \(number(1...rows)) ]\n" }
        if chance() { text += "  default_queue_policy { \(policy()) }\n" }
        if chance() {
            let levels = number(1...5)
            text += "  priority_levels: \(levels) default_priority_level: \(number(1...levels))\n"
            for level in 1...levels where chance() {
                text += "  priority_queue_policy { key: \(level) value { \(policy()) } }\n"
            }
        } else if chance() {
            text = "dynamic_batching { preserve_ordering: true\n"
        }
        return text + "}"
    }

    private mutating func policy() -> String {
        var text = chance() ? "timeout_action: DELAY " : ""
        if chance() { text += "default_timeout_microseconds: \(number(1...100_000_000)) " }
        if chance() { text += "allow_timeout_override: true " }
        return chance() ? text + "max_queue_size: \(number(1...10_000))" : text
    }

    private mutating func warmup(_ rows: Int) -> String {
        let contents = ["zero_data: true", "random_data: true", "input_data_file: \"raw data\""]
        return """
            model_warmup {
              name: "sample: one" batch_size: \(rows > 0 ? number(0...rows) : 0) count: \(number(0...3))
              inputs { key: "in 0" value { data_type: TYPE_FP32 dims: [ 1, 3, 4 ] \(contents.randomElement(using: &random) ?? "") } }
            }
            """
    }
}

@Suite("manta convert")
struct TritonConversionTests {
    @Test("the model.yaml says what the config.pbtxt says", arguments: 0..<300)
    func conversion(round: UInt64) throws {
        var random = RandomConfiguration(seed: 0x636F_6E76_6572_7400 + round)
        let text = random.text()
        try TemporaryFolder.with { folder in
            try folder.write("cat\ndog\n", to: "m/labels.txt")
            try folder.write([0], to: "m/warmup/raw data")
            try folder.write(text, to: "m/config.pbtxt")
            let read = try DeploymentConfiguration(tritonFile: folder.path + "/m/config.pbtxt", name: "m")

            let yaml = read.yaml(relativeTo: folder.path + "/m")
            let again = try DeploymentConfiguration(yaml: yaml, file: folder.path + "/m/model.yaml", name: "m")

            #expect(again == read, "\(text)\n---\n\(yaml)")
            #expect(!yaml.contains(folder.path))
        }
    }

    @Test("a configuration of any key reads as itself when it is written", arguments: DeploymentFileTests.keys)
    func keys(key: DeploymentFileTests.Key) throws {
        let file = "/srv/digits/model.yaml"
        let configuration = try DeploymentConfiguration(yaml: key.file(key.value).text, file: file, name: "digits")

        let yaml = configuration.yaml(relativeTo: "/srv/digits")

        #expect(try DeploymentConfiguration(yaml: yaml, file: file, name: "digits") == configuration, "\(yaml)")
    }

    @Test(
        "names of any characters are written and read again",
        arguments: ["\u{7F}", "\u{85}", "\u{9F}", "\u{FEFF}", "\u{FFFF}", " \u{2028} ", "\u{2029}--- "])
    func controlCharacters(character: String) throws {
        let name = "a\(character)b"
        let read = try DeploymentConfiguration(
            tritonText: "input { name: \"\(name)\" dims: 1 }", file: "config.pbtxt", name: "m", folder: "f")
        let back = try DeploymentConfiguration(yaml: read.yaml(), file: "model.yaml", name: "m")

        #expect(back == read)
        #expect(back.inputs.map(\.name) == [name])
    }

    @Test("defaults are written as nothing")
    func defaults() {
        #expect(DeploymentConfiguration(name: "m").yaml() == "")
    }

    @Test("what is written reads like what people write")
    func readable() throws {
        let configuration = try tritonRead(
            """
            name: "m"
            platform: "onnxruntime_onnx"
            max_batch_size : 0
            input [ { name: "data_0" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ]
                      reshape { shape: [ 1, 3, 224, 224 ] } } ]
            output [ { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] reshape { shape: [ 1, 1000, 1, 1 ] } } ]
            """)

        #expect(
            configuration.yaml() == """
                inputs:
                - name: data_0
                  datatype: FP32
                  format: nchw
                  reshape: [1, 3, 224, 224]
                  shape: [3, 224, 224]
                outputs:
                - name: fc6_1
                  datatype: FP32
                  reshape: [1, 1000, 1, 1]
                  shape: [1000]
                batching:
                  max_batch_size: 0

                """)
    }
}
