import FoundationEssentials
import MantaCore
import MantaServing
import MantaTestKit
import Testing

@testable import MantaConfig

/// The faults of a `config.pbtxt` of a model called m, each as a line.
func tritonFaults(_ text: String) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try DeploymentConfiguration(tritonText: text, file: "config.pbtxt", name: "m", folder: nil)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

/// What a `config.pbtxt` of a model called m says.
func tritonRead(_ text: String, folder: String? = nil) throws -> DeploymentConfiguration {
    try DeploymentConfiguration(tritonText: text, file: "config.pbtxt", name: "m", folder: folder)
}

@Suite("config.pbtxt")
struct TritonFileTests {
    /// A text, and where what it says goes.
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let reaches: @Sendable (DeploymentConfiguration) -> Bool

        init(_ text: String, _ reaches: @escaping @Sendable (DeploymentConfiguration) -> Bool) {
            (self.text, self.reaches) = (text, reaches)
        }

        var testDescription: String { text }
    }

    private static let ports = """
        max_batch_size: 8
        input [ { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] } ]
        output { name: "y" data_type: TYPE_STRING dims: 2 }

        """

    static let cases: [Case] = [
        Case("max_batch_size: 16") { $0.batching.maxRows == 16 && !$0.batching.isAcrossRequests },
        Case("max_batch_size: 16 dynamic_batching { }") { $0.batching.maxRows == 16 && $0.batching.isAcrossRequests },
        Case(ports) { configuration in
            configuration.inputs.map(\.name) == ["x"] && configuration.inputs[0].dataType == .fp32
                && configuration.inputs[0].shape == [3, -1] && configuration.outputs[0].dataType == .bytes
                && configuration.outputs[0].shape == [2]
        },
        Case("input { name: \"x\" dims: [ 1 ] reshape { shape: [ ] } optional: true }") { configuration in
            configuration.inputs[0].reshape == [] && configuration.inputs[0].isOptional
                && configuration.batching.maxRows == 0
        },
        Case("input { name: \"x\" dims: [ 3, 8, 8 ] format: FORMAT_NCHW }") { $0.inputs[0].format == .nchw },
        Case("output { name: \"y\" dims: [ -1, 8 ] reshape: { shape: [ -1, 2, 4 ] } }") {
            $0.outputs[0].reshape == [-1, 2, 4]
        },
        Case("default_model_filename: \"net.onnx\"") { $0.fileName == "net.onnx" },
        Case("version_policy: { all { } }") { $0.versions == .all },
        Case("version_policy { latest { num_versions: 3 } }") { $0.versions == .latest(3) },
        Case("version_policy: { specific: { versions: [1, 3] } }") { $0.versions == .only([1, 3]) },
        Case("instance_group [ { kind: KIND_CPU }, { count: 3 } ]") { $0.replicas == 5 },
        Case("optimization { graph { level: -1 } }") { $0.options.optimization == .basic },
        Case("optimization { graph { level: 1 } }") { $0.options.optimization == .extended },
        Case("optimization { graph { level: 2 } }") { $0.options.optimization == .none },
        Case(
            """
            parameters { key: "intra_op_thread_count" value: { string_value: "4" } }
            parameters: { key: "inter_op_thread_count" value { string_value: "3" } }
            parameters [ { key: "execution_mode" value { string_value: "1" } } ]
            """
        ) { $0.options.threads == 4 && $0.options.interOpThreads == 3 && $0.options.execution == .parallel },
        Case("parameters { key: \"enable_mem_arena\" value { string_value: \"0\" } }") { $0.options.arena == false },
        Case("parameters { key: \"enable_mem_pattern\" value { string_value: \"1\" } }") {
            $0.options.memoryPattern == true
        },
        Case("max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 100 preferred_batch_size: [ 2, 4 ] }")
        {
            $0.batching.maxDelay == .microseconds(100) && $0.batching.preferredRows == [2, 4]
        },
        Case("max_batch_size: 8 dynamic_batching { preserve_ordering: true }") { $0.batching.keepsOrder },
        Case(
            """
            max_batch_size: 8
            dynamic_batching {
              default_queue_policy {
                timeout_action: DELAY default_timeout_microseconds: 500 allow_timeout_override: true max_queue_size: 9
              }
            }
            """
        ) { configuration in
            configuration.queue.onTimeout == .delay && configuration.queue.defaultTimeout == .microseconds(500)
                && configuration.queue.timeoutOverride == .shorter && configuration.queue.maxRequests == 9
        },
        Case(
            """
            max_batch_size: 8
            dynamic_batching {
              priority_levels: 3 default_priority_level: 2
              default_queue_policy { max_queue_size: 10 }
              priority_queue_policy { key: 1 value { max_queue_size: 5 timeout_action: DELAY } }
            }
            """
        ) { configuration in
            let queue = configuration.queue
            return queue.priorities == 3 && queue.defaultPriority == 2 && queue.policies[1]?.maxRequests == 5
                && queue.policies[1]?.onTimeout == .delay && queue.policies[2]?.maxRequests == 10
                && queue.maxRequests == 25 && queue.timeoutOverride == .none
        },
        Case(
            ports + """
                model_warmup {
                  name: "s" batch_size: 4 count: 2
                  inputs { key: "x" value: { data_type: TYPE_FP32 dims: [3, 2] random_data: true } }
                }
                """
        ) { configuration in
            let sample = configuration.warmupSamples[0]
            return sample.name == "s" && sample.rows == 4 && sample.count == 2
                && sample.inputs == [.init("x", .fp32, [3, 2], .random)]
        },
    ]

    @Test("each part reaches its place", arguments: cases)
    func reaches(given: Case) throws {
        let configuration = try tritonRead(given.text)

        #expect(configuration != DeploymentConfiguration(name: "m"))
        #expect(given.reaches(configuration))
    }

    @Test(
        "what says nothing, or nothing that matters on a CPU, changes nothing",
        arguments: [
            "", "# nothing\n", "name: \"m\"", "platform: \"onnxruntime_onnx\"", "backend: \"onnxruntime\"",
            "version_policy { latest { num_versions: 1 } }", "default_model_filename: \"model.onnx\"",
            "cc_model_filenames { key: \"7.5\" value: \"t4.onnx\" }", "max_batch_size: 0",
            "optimization { input_pinned_memory { enable: true } output_pinned_memory { enable: false } }",
            "optimization { priority: PRIORITY_DEFAULT eager_batching: false gather_kernel_buffer_threshold: 3 }",
            "optimization { execution_accelerators { } cuda { } }", "response_cache { enable: false }",
            "model_transaction_policy { decoupled: false }", "model_operations { }", "model_repository_agents { }",
            "parameters { key: \"gpu_mem_limit\" value: { string_value: \"1\" } }",
            "parameters { key: \"intra_op_thread_count\" value: { string_value: \"0\" } }",
        ])
    func harmless(text: String) throws {
        #expect(try tritonRead(text) == DeploymentConfiguration(name: "m"))
    }

    @Test("a response cache is one of Manta's usual size")
    func responseCache() throws {
        #expect(try tritonRead("response_cache { enable: true }").responseCache == .init())
    }

    @Test(
        "what Manta doesn't have is refused by name, with its line",
        arguments: [
            ("platform: \"ensemble\"", "1:1: platform: \"ensemble\" is not supported"),
            ("backend: \"python\"", "1:1: backend: \"python\" is not supported"),
            ("runtime: \"x.so\"", "1:1: runtime: not supported"),
            ("ensemble_scheduling { step { model_name: \"a\" } }", "1:1: ensemble_scheduling: not supported"),
            ("\nsequence_batching { }", "2:1: sequence_batching: not supported"),
            (
                "model_transaction_policy {\n  decoupled: true }",
                "2:3: model_transaction_policy.decoupled: not supported"
            ),
            ("batch_input { kind: BATCH_ELEMENT_COUNT }", "1:1: batch_input: not supported"),
            ("batch_output { target_name: \"y\" }", "1:1: batch_output: not supported"),
            (
                "input { name: \"x\" dims: 1 allow_ragged_batch: true }",
                "1:27: input[0].allow_ragged_batch: not supported"
            ),
            ("input { name: \"x\" dims: 1 is_shape_tensor: true }", "1:27: input[0].is_shape_tensor: not supported"),
            (
                "input { name: \"x\" dims: 1 is_non_linear_format_io: true }",
                "1:27: input[0].is_non_linear_format_io: not supported"
            ),
            ("output { name: \"y\" dims: 1 is_shape_tensor: true }", "1:28: output[0].is_shape_tensor: not supported"),
            ("instance_group [ { }, { kind: KIND_GPU } ]", "1:25: instance_group[1].kind: KIND_GPU is not supported"),
            ("instance_group { kind: KIND_MODEL }", "1:18: instance_group[0].kind: is not supported"),
            ("instance_group { gpus: 0 }", "1:18: instance_group[0].gpus: not supported"),
            ("instance_group { passive: true }", "1:18: instance_group[0].passive: not supported"),
            ("instance_group { profile: \"1\" }", "1:18: instance_group[0].profile: not supported"),
            ("instance_group { host_policy: \"h\" }", "1:18: instance_group[0].host_policy: not supported"),
            (
                "instance_group { rate_limiter { priority: 2 } }",
                "1:18: instance_group[0].rate_limiter: not supported"
            ),
            (
                "instance_group { secondary_devices { device_id: 1 } }",
                "1:18: instance_group[0].secondary_devices: not supported"
            ),
            ("metric_tags { key: \"a\" value: \"b\" }", "1:1: metric_tags: not supported"),
            ("model_metrics { metric_control { } }", "1:1: model_metrics: not supported"),
            ("model_operations { op_library_filename: \"l.so\" }", "1:1: model_operations: not supported"),
            ("model_repository_agents { agents { name: \"c\" } }", "1:1: model_repository_agents: not supported"),
            ("optimization { priority: PRIORITY_MAX }", "1:16: optimization.priority: not supported"),
            ("optimization { cuda { graphs: true } }", "1:16: optimization.cuda: not supported"),
            ("optimization { eager_batching: true }", "1:16: optimization.eager_batching: not supported"),
            (
                "optimization { execution_accelerators { gpu_execution_accelerator { name: \"tensorrt\" } } }",
                "1:41: optimization.execution_accelerators.gpu_execution_accelerator: not supported: \"tensorrt\""
            ),
            (
                "optimization { execution_accelerators { cpu_execution_accelerator : [ { name : \"openvino\" } ] } }",
                "1:71: optimization.execution_accelerators.cpu_execution_accelerator: not supported: \"openvino\""
            ),
            ("optimization { graph { level: 7 } }", "1:24: optimization.graph.level: expected -1, 0, 1 or 2, got 7"),
            (
                "parameters { key: \"memory.enable_memory_arena_shrinkage\" value { string_value: \"cpu:0\" } }",
                "1:1: parameters: \"memory.enable_memory_arena_shrinkage\" is not supported"
            ),
            ("parameters { key: \"x\" value { string_value: \"1\" } }", "1:1: parameters: \"x\" is not supported"),
        ])
    func refused(text: String, start: String) {
        let faults = tritonFaults(text)

        #expect(faults.count == 1)
        #expect(faults.first?.hasPrefix("config.pbtxt:" + start) == true, "\(faults)")
    }

    @Test(
        "what can't be meant is told, with its line",
        arguments: [
            ("name: \"n\"", "1:1: name: expected \"m\", the name of the folder, got \"n\""),
            ("max_batch_size: -1", "1:1: max_batch_size: expected a whole number from 0 to 65536, got -1"),
            (
                "input { name: \"x\" dims: 1 }\ndynamic_batching { }",
                "2:1: dynamic_batching: expected max_batch_size to be at least 1 beside it"
            ),
            (
                "input { name: \"x\" dims: 1 }\ndynamic_batching { preferred_batch_size: 1 }",
                "2:1: dynamic_batching: expected max_batch_size to be at least 1 beside it"
            ),
            (
                "max_batch_size: 4 dynamic_batching { preferred_batch_size: [ 2, 8 ] }",
                "1:65: dynamic_batching.preferred_batch_size[1]: expected a whole number from 1 to 4, got 8"
            ),
            ("input { dims: 1 }", "1:1: input[0]: expected a name"),
            ("input { name: \"x\" }", "1:1: input[0]: expected dims, with at least one size; a reshape may have none"),
            (
                "input { name: \"x\" dims: [ 1, 0 ] }",
                "1:30: input[0].dims[1]: expected a size from 1 to 2147483647, or -1 for any, got 0"
            ),
            (
                "input { name: \"x\" dims: 1 } input { name: \"x\" dims: 1 }",
                "1:37: input[1].name: \"x\" is given twice"
            ),
            (
                "input { name: \"x\" dims: [ 2, 3 ] reshape { shape: 5 } }",
                "1:34: input[0].reshape: [5] doesn't have the elements of [2, 3] between its free sizes"
            ),
            (
                "input { name: \"x\" dims: [ -1, 3 ] reshape { shape: [ 3 ] } }",
                "1:35: input[0].reshape: [3] has 0 free sizes, [-1, 3] has 1"
            ),
            (
                "input { name: \"x\" dims: [ 2 ] format: FORMAT_NHWC }",
                "1:31: input[0].format: expected dims of 3 sizes beside it, got 1"
            ),
            (
                "output { name: \"y\" dims: 1 label_filename: \"../labels\" }",
                "1:28: output[0].label_filename: expected the name of a file in the model's folder, got \"../labels\""
            ),
            (
                "version_policy { latest { } }",
                "1:18: version_policy.latest.num_versions: expected a whole number from 1 to 1024, got 0"
            ),
            ("version_policy { specific { } }", "1:18: version_policy.specific: expected at least one version"),
            (
                "instance_group { count: -2 }",
                "1:18: instance_group[0].count: expected a whole number from 1 to 1024, got -2"
            ),
            (
                "default_model_filename: \"a/b\"",
                "1:1: default_model_filename: expected the name of a file, without a folder, got \"a/b\""
            ),
            (
                "max_batch_size: 4 dynamic_batching { priority_levels: 2 }",
                "1:19: dynamic_batching.default_priority_level: expected a whole number from 1 to 2, got 0"
            ),
            (
                "max_batch_size: 4 dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }",
                "1:62: dynamic_batching.priority_levels: expected at most 1, since preserve_ordering is true"
            ),
            (
                "parameters { key: \"execution_mode\" value { string_value: \"parallel\" } }",
                "1:1: parameters: execution_mode: expected \"0\" or \"1\", got \"parallel\""
            ),
            (
                "model_warmup { name: \"s\" }", "1:1: model_warmup[0]: expected at least one input"
            ),
            (
                "model_warmup { inputs { key: \"x\" value { data_type: TYPE_FP32 dims: 1 } } }",
                "1:16: model_warmup[0].inputs: input \"x\": expected one of zero_data, random_data and input_data_file"
            ),
        ])
    func meaningless(text: String, fault: String) {
        let found = tritonFaults(text)
        #expect(found.contains("config.pbtxt:" + fault), "\(found)")
    }

    @Test(
        "what is no text of this format, or has no such field, is told with its place, and so is what follows",
        arguments: [
            ("name: \"m", ["1:7: a string isn't closed on its line"]),
            ("input {\n  name: \"x\"\n", ["3:1: the text ends before \"}\""]),
            ("max_batch_size 3", ["1:16: max_batch_size: expected \":\" or \"{\", found \"3\""]),
            ("max_batch_size: }", ["1:17: expected a value, found \"}\""]),
            ("input [ { } { } ]", ["1:13: expected \",\" or \"]\", found \"{\""]),
            (
                "max_batch_sze: 3\ninput {\n  nme: \"x\"\n  dims: 1\n}",
                ["1:1: max_batch_sze: there is no such field here", "3:3: input.nme: there is no such field here"]
            ),
            (
                "input {\n  data_type: TYPE_FLOAT\n  dims: [ 1, \"two\", 3 ]\n}",
                [
                    "2:3: input.data_type: unknown word: \"data_type: TYPE_FLOAT\"",
                    "3:14: input.dims: expected a number in range: \"dims: \\\"two\\\"\"",
                ]
            ),
            (
                "max_batch_size: 99999999999",
                ["1:1: max_batch_size: expected a number in range: \"max_batch_size: 99999999999\""]
            ),
            ("name: \"m\"\nname: \"m\"", ["2:1: name is given twice, first in line 1"]),
            (
                "max_batch_size: 1\ndynamic_batching { }\nsequence_batching { }",
                ["3:1: sequence_batching: excludes another field that is given too"]
            ),
        ])
    func syntax(text: String, faults: [String]) {
        let found = tritonFaults(text)
        #expect(found == faults.map { "config.pbtxt:" + $0 })
    }

    @Test("many fields on one line are soon read, with the right columns", .timeLimit(.minutes(1)))
    func oneLine() {
        let fields = String(repeating: "output{} ", count: 100_000)

        #expect(
            tritonFaults(fields + "name: \"é\" ?") == [
                "config.pbtxt:1:900011: expected the name of a field, found \"?\""
            ])
    }

    @Test("messages within messages have a limit, and so have texts")
    func limits() {
        let deep = String(repeating: "input {", count: 100_000)

        #expect(tritonFaults(deep) == ["config.pbtxt:1:232: more than 32 messages within messages"])
    }

    @Test("a text of one line with very many fields, all wrong, is told in no time, with the first of them")
    func manyFaults() {
        let inputs = String(repeating: "input { } ", count: 50_000)
        let wrong = String(repeating: "inpt { } ", count: 50_000)

        #expect(tritonFaults(inputs).count == 64)
        #expect(
            tritonFaults(inputs).last == "config.pbtxt:1:311: input[31]: expected dims, with at least one size; "
                + "a reshape may have none")
        #expect(tritonFaults(wrong).count == 32)
    }

    @Test("labels and data are read from the model's folder")
    func files() throws {
        try TemporaryFolder.with { folder in
            try folder.write("cat\r\ndog\n\nbird\n", to: "m/labels.txt")
            try folder.write([1, 2, 3, 4], to: "m/warmup/raw")
            try folder.write(
                """
                output { name: "y" dims: 4 label_filename: "labels.txt" }
                model_warmup { inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 input_data_file: "raw" } } }
                """, to: "m/config.pbtxt")

            let configuration = try DeploymentConfiguration(tritonFile: folder.path + "/m/config.pbtxt", name: "m")

            #expect(configuration.outputs[0].labels?.names == ["cat", "dog", "", "bird"])
            guard case .file(let file) = configuration.warmupSamples[0].inputs[0].content else {
                Issue.record("no file")
                return
            }
            #expect(file.path == folder.path + "/m/warmup/raw")
            #expect(configuration.warmupSamples[0].inputs[0].name == "x")
            func isSame() throws -> Bool {
                try DeploymentConfiguration(tritonFile: folder.path + "/m/config.pbtxt", name: "m") == configuration
            }
            #expect(try isSame())
            try folder.write([1, 2, 3, 4, 5], to: "m/warmup/raw")
            #expect(try !isSame())
        }
    }

    @Test("other labels are another configuration, and a model.yaml beside it counts, with a warning")
    func labelsAndBoth() throws {
        try TemporaryFolder.with { folder in
            try folder.write("cat\n", to: "m/labels.txt")
            try folder.write("output { name: \"y\" dims: 4 label_filename: \"labels.txt\" }", to: "m/config.pbtxt")
            try folder.write("", to: "m/2/model.onnx")
            func found() throws -> DeploymentSource { try ModelRepository.read(folders: [folder.path], files: [])[0] }

            let before = try found()
            try folder.write("dog\n", to: "m/labels.txt")
            let after = try found()
            try folder.write("replicas: 3", to: "m/model.yaml")
            let both = try found()

            #expect(before.file == folder.path + "/m/config.pbtxt" && before.warnings == [])
            #expect(before.configuration != after.configuration)
            #expect(both.configuration.replicas == 3 && both.configuration.outputs == [])
            #expect(both.file == folder.path + "/m/model.yaml")
            #expect(
                both.warnings == ["\(folder.path)/m/config.pbtxt isn't read, since there is a model.yaml beside it"])
        }
    }

    @Test("the model file may have another name, and be a folder with a model.onnx in it")
    func fileName() throws {
        try TemporaryFolder.with { folder in
            try folder.write("default_model_filename: \"net.onnx\"", to: "m/config.pbtxt")
            try folder.write("", to: "m/1/net.onnx")
            try folder.write("", to: "m/2/net.onnx/model.onnx")

            let source = try ModelRepository.read(folders: [folder.path], files: [])[0]

            #expect(source.versions == [1: "\(folder.path)/m/1/net.onnx", 2: "\(folder.path)/m/2/net.onnx/model.onnx"])
        }
    }

    @Test("a file that isn't there is a fault of the field that names it")
    func missingFiles() throws {
        let text = "output { name: \"y\" dims: 4\n  label_filename: \"labels.txt\" }"

        let error = #expect(throws: ConfigurationErrors.self) { try tritonRead(text, folder: "/nowhere") }

        #expect(
            error?.description == "config.pbtxt:2:3: output[0].label_filename: /nowhere/labels.txt: can't be read: "
                + "No such file or directory")
    }

    @Test("JSON as servers print it says the same")
    func json() throws {
        let json = """
            {"name":"m","platform":"onnxruntime_onnx","backend":"onnxruntime","runtime":"",
             "version_policy":{"latest":{"num_versions":1}},"max_batch_size":4,
             "input":[{"name":"x","data_type":"TYPE_FP32","format":"FORMAT_NONE","dims":[3],"is_shape_tensor":false,
                       "allow_ragged_batch":false,"optional":false,"is_non_linear_format_io":false}],
             "output":[{"name":"y","data_type":"TYPE_FP32","dims":["3"],"label_filename":"","is_shape_tensor":false}],
             "batch_input":[],"batch_output":[],
             "optimization":{"priority":"PRIORITY_DEFAULT","input_pinned_memory":{"enable":true},
                             "gather_kernel_buffer_threshold":0,"eager_batching":false},
             "dynamic_batching":{"preferred_batch_size":[4],"max_queue_delay_microseconds":0,"preserve_ordering":false,
                                 "priority_levels":0,"default_priority_level":0,"priority_queue_policy":{}},
             "instance_group":[{"name":"m_0","kind":"KIND_CPU","count":1,"gpus":[],"secondary_devices":[],"profile":[],
                                "passive":false,"host_policy":""}],
             "default_model_filename":"model.onnx","cc_model_filenames":{},"metric_tags":{},"parameters":{},
             "model_warmup":[]}
            """
        let text = """
            max_batch_size: 4 dynamic_batching { } instance_group { count: 1 }
            input { name: "x" data_type: TYPE_FP32 dims: 3 } output { name: "y" data_type: TYPE_FP32 dims: 3 }
            """

        #expect(try DeploymentConfiguration(tritonJSON: json, name: "m") == tritonRead(text))
    }

    @Test(
        "JSON that is none, or asks for what Manta doesn't have, is refused",
        arguments: [
            ("{", "config: is not a model's configuration as JSON (truncated)"),
            ("{\"nam\": 1}", "config: there is no field \"nam\""),
            ("{\"backend\": \"python\"}", "config: backend: \"python\" is not supported"),
            (
                "{\"output\": [{\"name\": \"y\", \"dims\": [1], \"label_filename\": \"l\"}]}",
                "config: output[0].label_filename: "
            ),
        ])
    func refusedJSON(json: String, start: String) {
        let error = #expect(throws: ConfigurationErrors.self) {
            try DeploymentConfiguration(tritonJSON: json, name: "m")
        }
        #expect(error?.description.hasPrefix(start) == true, "\(String(describing: error))")
    }
}
