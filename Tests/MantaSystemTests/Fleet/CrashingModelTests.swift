import Foundation
import MantaTestKit
import Testing

extension OperationTests.FleetTests {
    @Suite("Models that crash the engine")
    struct CrashingModelTests {
        @Test(
            """
            one that ends each worker that loads it is held back after the third, and no request to another model is lost \
            meanwhile; once the fault is mended it serves
            """)
        func loading() async throws {
            let fleet = try await Fleet(configuration: "batching: {max_batch_size: 0}\n")
            let runtime = try await Self.crashingRuntime(in: fleet.folder)
            let fault = "\(fleet.folder.path)/fault"
            try fleet.folder.write("", to: "fault")
            let front = try await fleet.front(
                "front", hosts: true, ["--local-workers", "3"],
                environment: ["MANTA_ONNXRUNTIME_LIBRARY": runtime, "MANTA_TEST_CRASHES_WHILE": fault])
            try await Fleet.wait(front, forHosts: 3)
            let load = Fleet.load(try await Fleet.rate(at: front), on: front)

            let (_, report) = try await load.during(steps: {
                try Self.addCrashingModel(to: fleet.folder)
                let reason = "3 workers ended while they loaded it; it is tried again after 10 s"
                try await Fleet.wait(front, for: "held back", model: "crashing", within: .seconds(90)) {
                    $0.warnings.contains(reason)
                }
                try FileManager.default.removeItem(atPath: fault)
                try await Fleet.wait(front, for: "ready", model: "crashing") { $0.readyReplicas == 1 }
                try await Fleet.wait(front, for: "on all workers again") { $0.readyReplicas == 3 }
            })

            print("a model that crashes: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(front.log.ranges(of: "A worker has ended and is started again").count == 3, "\(front.log)")
        }

        /// Builds the library.
        private static func crashingRuntime(in folder: TemporaryFolder) async throws -> String {
            let library = "\(folder.path)/libcrashing.so"
            let result = try await Tool.run(
                "/usr/bin/env",
                ["clang", "-shared", "-fPIC", "-o", library, "Tests/CrashingRuntime/crashing_runtime.c", "-ldl"])
            try #require(result.status == 0, "\(result.output)")
            return library
        }

        private static func addCrashingModel(to folder: TemporaryFolder) throws {
            let model = OperatedModel.model(
                try OperatedModel.model("echo"), documented: "this model crashes the runtime")
            try folder.write("replicas: 1\n", to: "models/crashing/model.yaml")
            try folder.write(model, to: "models/crashing/1/model.onnx")
        }
    }
}
