import FoundationEssentials
import Logging
import MantaConfig
import MantaCore
import MantaGatewayTestKit
import MantaServing
import MantaTestKit
import MantaWire
import Testing

@testable import MantaGateway

@Suite("Model configuration", .timeLimit(.minutes(1)))
struct ModelConfigurationTests {
    /// A model `m`, `x: [-1, 2]` to `y: [-1, 2]`, as version 3.
    private func withPlane(
        _ configuration: DeploymentConfiguration, _ body: (DataPlane) throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let engine = FakeEngine { inputs in inputs.compactMap(\.self) }
        let catalog = ModelCatalog(environment: .init(engine: engine, logger: logger))
        catalog.apply([
            WantedDeployment(
                configuration: configuration, versions: [VersionSpec(number: 3, path: "", hash: "")], scale: .pinned(2))
        ])
        let running = Task { try await catalog.run() }
        _ = try await catalog.deployment("m").settled(within: .seconds(30))
        try body(try await DataPlane.test(over: catalog))
        catalog.stop()
        try await running.value
    }

    private func json(_ message: Inference_ModelConfig) throws -> String {
        String(decoding: try JSONEncoder.documents.encode(ModelConfigurationDocument(message)), as: UTF8.self)
    }

    @Test("tells every key that Triton prints, with default values")
    func defaults() async throws {
        try await withPlane(DeploymentConfiguration(name: "m")) { plane in
            let text = try json(plane.configuration(model: "m", version: nil))

            #expect(
                text == """
                    {"backend":"onnxruntime","batch_input":[],"batch_output":[],"cc_model_filenames":{},\
                    "default_model_filename":"model.onnx","dynamic_batching":{"default_priority_level":0,\
                    "max_queue_delay_microseconds":0,"preferred_batch_size":[64],"preserve_ordering":false,\
                    "priority_levels":0,"priority_queue_policy":{}},"input":[{"allow_ragged_batch":false,\
                    "data_type":"TYPE_FP32","dims":[2],"format":"FORMAT_NONE","is_non_linear_format_io":false,\
                    "is_shape_tensor":false,"name":"x","optional":false}],"instance_group":[{"count":2,"gpus":[],\
                    "host_policy":"","kind":"KIND_CPU","name":"m_0","passive":false,"profile":[],\
                    "secondary_devices":[]}],"max_batch_size":64,"metric_tags":{},"model_warmup":[],"name":"m",\
                    "optimization":{"eager_batching":false,"gather_kernel_buffer_threshold":0,\
                    "input_pinned_memory":{"enable":false},"output_pinned_memory":{"enable":false},\
                    "priority":"PRIORITY_DEFAULT"},"output":[{"data_type":"TYPE_FP32","dims":[2],\
                    "is_non_linear_format_io":false,"is_shape_tensor":false,"label_filename":"","name":"y"}],\
                    "parameters":{"intra_op_thread_count":{"string_value":"1"}},"platform":"fake_model","runtime":"",\
                    "version_policy":{"latest":{"num_versions":1}}}
                    """)
        }
    }

    @Test(
        "what it tells reads as what is in force",
        arguments: [
            "max_batch_size: 0", "max_batch_size: 4", "max_batch_size: 4 dynamic_batching { }",
            """
            max_batch_size: 8
            dynamic_batching {
              preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 50 priority_levels: 2 default_priority_level: 1
              default_queue_policy { max_queue_size: 7 default_timeout_microseconds: 1000 }
              priority_queue_policy { key: 2 value { timeout_action: DELAY max_queue_size: 3 allow_timeout_override: true
                default_timeout_microseconds: 2000 } }
            }
            """,
            "max_batch_size: 8 dynamic_batching { preserve_ordering: true }",
            "optimization { graph { level: 2 } } version_policy { all { } } max_batch_size: 2",
            """
            max_batch_size: 2
            parameters { key: "execution_mode" value { string_value: "1" } }
            parameters { key: "inter_op_thread_count" value { string_value: "3" } }
            model_warmup { name: "s" batch_size: 2
              inputs { key: "x" value { data_type: TYPE_FP32 dims: 2 random_data: true } } }
            """,
        ])
    func roundTrip(text: String) async throws {
        // Each configuration says what the model is, as the answer does.
        let dims = text.contains("max_batch_size: 0") ? "[ -1, 2 ]" : "2"
        let ports = """

            input { name: "x" data_type: TYPE_FP32 dims: \(dims) }
            output { name: "y" data_type: TYPE_FP32 dims: \(dims) }
            instance_group { count: 2 }
            """
        let whole = text + ports
        let read = try DeploymentConfiguration(tritonText: whole, file: "config.pbtxt", name: "m", folder: nil)

        let answer = try await self.answer(read)
        let again = try DeploymentConfiguration(
            tritonJSON: answer.replacing("fake_model", with: "onnxruntime_onnx"), name: "m")

        #expect(try await self.answer(again) == answer)
    }

    private func answer(_ configuration: DeploymentConfiguration) async throws -> String {
        var answer = ""
        try await withPlane(configuration) { answer = try json($0.configuration(model: "m", version: 3)) }
        return answer
    }

    @Test("a model or version that isn't there is not found")
    func missing() async throws {
        try await withPlane(DeploymentConfiguration(name: "m")) { plane in
            for (model, version) in [("n", nil), ("m", 4)] as [(String, Int?)] {
                let error = #expect(throws: ServingError.self) {
                    try plane.configuration(model: model, version: version)
                }
                #expect(error?.code == .notFound)
            }
        }
    }
}
