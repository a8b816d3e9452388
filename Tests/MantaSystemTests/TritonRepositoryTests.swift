import Foundation
import MantaTestKit
import Testing

@Suite("A repository made for Triton", .timeLimit(.minutes(5)))
struct TritonRepositoryTests {
    @Test("is served as it is, and tritonclient finds it as it knows it")
    func clients() async throws {
        let folder = try TemporaryFolder.withTritonRepository()
        let server = try await ServerProcess.ready(["--models", folder.models])

        let result = try await Tool.run(
            Tool.python, ["Tests/MantaSystemTests/Clients/triton_repository.py", "127.0.0.1:\(server.port)"])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("all checks passed\n"))
    }

    @Test("serves the same from the model.yaml that manta convert makes of each configuration")
    func converted() async throws {
        let folder = try TemporaryFolder.withTritonRepository()
        for name in ["densenet_onnx", "batched", "alone", "rows"] {
            let model = "\(folder.models)/\(name)"
            let made = try await Tool.run(
                ServerProcess.binary.path, ["convert", model, "--output", "\(model)/model.yaml"])
            #expect(made.status == 0, "\(made.output)")
            try FileManager.default.removeItem(atPath: "\(model)/config.pbtxt")
        }
        let server = try await ServerProcess.ready(["--models", folder.models])

        let result = try await Tool.run(
            Tool.python, ["Tests/MantaSystemTests/Clients/triton_repository.py", "127.0.0.1:\(server.port)"])

        #expect(result.status == 0, "\(result.output)")
    }

    @Test("what contradicts its model, or asks for what Manta doesn't have, is told and the rest is served")
    func faults() async throws {
        let folder = try TemporaryFolder.withTritonRepository()
        try folder.copy(fromRepository: "Tests/Models/echo.onnx", to: "models/contradicts/1/model.onnx")
        try folder.write(
            "input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 5 ] }", to: "models/contradicts/config.pbtxt")
        let server = try await ServerProcess.ready(["--models", folder.models])

        let reply = try await onThread {
            try SocketClient(port: server.port).request("GET", "/v2/models/contradicts/config")
        }
        #expect(reply.status == 503)
        #expect(reply.text.contains(#"input \"x\": the configuration has shape [-1, 5], the model [-1, 4]"#))

        try folder.write("platform: \"ensemble\"\nsequence_batching { }\n", to: "models/other/config.pbtxt")
        let check = try await Tool.run(ServerProcess.binary.path, ["check", "--models", folder.models])
        #expect(check.status == 78)
        #expect(check.output.contains("other/config.pbtxt:1:1: platform: \"ensemble\" is not supported"))
        #expect(check.output.contains("other/config.pbtxt:2:1: sequence_batching: not supported"))
    }

    @Test("a change of a configuration is noticed while it serves")
    func changes() async throws {
        let folder = try TemporaryFolder.withTritonRepository()
        let server = try await ServerProcess.ready(["--models", folder.models])
        func isThere(_ text: String) async throws {
            try await onThread {
                let client = try SocketClient(port: server.port)
                while try !client.request("GET", "/v2/models/alone/config").text.contains(text) {}
            }
        }
        try await isThere(#""max_batch_size":2"#)

        try folder.write(
            try String(contentsOfFile: "\(folder.models)/alone/config.pbtxt", encoding: .utf8)
                .replacingOccurrences(of: "max_batch_size: 2", with: "max_batch_size: 3"),
            to: "models/alone/config.pbtxt")

        try await isThere(#""max_batch_size":3"#)
    }
}

extension TemporaryFolder {
    /// A folder `models` as people have them for Triton: no `model.yaml` in it.
    fileprivate static func withTritonRepository() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        // As in Triton's examples.
        try folder.copy(fromRepository: "Tests/Models/densenet_like.onnx", to: "models/densenet_onnx/1/model.onnx")
        try folder.write((0..<1000).map { "LABEL \($0)\n" }.joined(), to: "models/densenet_onnx/densenet_labels.txt")
        try folder.write(
            """
            name: "densenet_onnx"
            platform: "onnxruntime_onnx"
            max_batch_size : 0
            input [
              {
                name: "data_0"
                data_type: TYPE_FP32
                format: FORMAT_NCHW
                dims: [ 3, 224, 224 ]
                reshape { shape: [ 1, 3, 224, 224 ] }
              }
            ]
            output [
              {
                name: "fc6_1"
                data_type: TYPE_FP32
                dims: [ 1000 ]
                reshape { shape: [ 1, 1000, 1, 1 ] }
                label_filename: "densenet_labels.txt"
              }
            ]
            """, to: "models/densenet_onnx/config.pbtxt")
        for version in 1...3 {
            try folder.copy(fromRepository: "Tests/Models/echo.onnx", to: "models/batched/\(version)/net.onnx")
        }
        try folder.write([UInt8](repeating: 0, count: 16), to: "models/batched/warmup/row")
        try folder.write(
            """
            backend: "onnxruntime"
            max_batch_size: 8
            default_model_filename: "net.onnx"
            input { name: "x" data_type: TYPE_FP32 dims: 4 }
            output { name: "y" data_type: TYPE_FP32 dims: 4 }
            version_policy { specific { versions: [ 1, 3 ] } }
            instance_group [ { count: 1 kind: KIND_CPU } ]
            dynamic_batching {
              preferred_batch_size: [ 4, 8 ]
              max_queue_delay_microseconds: 2000
              priority_levels: 2
              default_priority_level: 2
              default_queue_policy {
                default_timeout_microseconds: 5000000
                allow_timeout_override: true
                max_queue_size: 100
              }
              priority_queue_policy { key: 1 value { timeout_action: DELAY max_queue_size: 10 } }
            }
            parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
            optimization { graph { level: 1 } }
            model_warmup {
              name: "a row"
              batch_size: 2
              inputs { key: "x" value: { data_type: TYPE_FP32 dims: 4 input_data_file: "row" } }
            }
            """, to: "models/batched/config.pbtxt")
        try folder.copy(fromRepository: "Tests/Models/echo.onnx", to: "models/alone/1/model.onnx")
        try folder.write(
            """
            max_batch_size: 2
            input { name: "x" data_type: TYPE_FP32 dims: 4 }
            output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 4 ] } }
            """, to: "models/alone/config.pbtxt")
        try folder.copy(fromRepository: "Tests/Models/doubled.onnx", to: "models/rows/1/model.onnx")
        try folder.write(
            """
            max_batch_size: 16
            input { name: "x" data_type: TYPE_FP32 dims: 1 reshape { shape: [ ] } }
            output { name: "y" data_type: TYPE_FP32 dims: 1 reshape { shape: [ ] } }
            dynamic_batching { }
            """, to: "models/rows/config.pbtxt")
        // No configuration at all.
        try folder.copy(fromRepository: "Tests/Models/echo.onnx", to: "models/bare/1/model.onnx")
        return folder
    }
}
