import Foundation
import MantaTestKit
import Testing

@Suite("What counts for a deployment", .timeLimit(.minutes(5)))
struct AdminPrecedenceSystemTests {
    private static let path = "/admin/v1/deployments/digits-svm"

    /// What an operator sees of what counts.
    private struct Standing: Equatable {
        var source: String?
        var overrides: String?
        var batch: Int?
        var scale: String?
        var replicas: Int?
        var version: Int?

        init(_ source: String, overrides: String? = nil, batch: Int?, scale: String, replicas: Int, version: Int = 1) {
            (self.source, self.overrides, self.batch) = (source, overrides, batch)
            (self.scale, self.replicas, self.version) = (scale, replicas, version)
        }

        init(_ document: JSON) {
            source = document.configuration.source.text
            overrides = document.configuration.overrides.text
            batch = document.configuration.values.batching.max_batch_size.number
            scale = document.scale.source.text
            replicas = document.scale.replicas.number
            version = document.versions.list.first { $0.default.isTrue }?.version.number
        }
    }

    @Test("file < PUT as a whole < scale, versions from the disk, over restarts; DELETE takes everything back")
    func precedence() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let file = "\(folder.models)/digits-svm/model.yaml"
        try folder.write("replicas: 1\nbatching: {max_batch_size: 8}\n", to: "models/digits-svm/model.yaml")
        let arguments = ["--models", folder.models, "--state", "\(folder.path)/state"]
        let scaled = Standing("admin", overrides: file, batch: 16, scale: "admin", replicas: 3, version: 2)
        let first = try await ServerProcess.ready(arguments)

        try await onThread {
            let admin = try AdminClient(first)
            func standing() throws -> Standing { Standing(try admin.deployment("digits-svm")) }
            #expect(try standing() == Standing("file", batch: 8, scale: "configuration", replicas: 1))

            // The file's batch size doesn't shine through.
            #expect(try admin.change("PUT", Self.path, #"{"replicas": 2}"#).durable.isTrue)
            #expect(
                try standing() == Standing("admin", overrides: file, batch: nil, scale: "configuration", replicas: 2))

            _ = try admin.change("POST", Self.path + "/scale", #"{"replicas": 3}"#)
            #expect(try standing() == Standing("admin", overrides: file, batch: nil, scale: "admin", replicas: 3))

            _ = try admin.change("PUT", Self.path, #"{"replicas": 1, "batching": {"max_batch_size": 16}}"#)
            #expect(try standing() == Standing("admin", overrides: file, batch: 16, scale: "admin", replicas: 3))

            try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "models/digits-svm/2/model.onnx")
            #expect(try admin.reply("POST", "/admin/v1/reload").status == 200)
            _ = try admin.wait(for: "digits-svm") { Standing($0) == scaled }
        }
        first.signal(SIGTERM)
        #expect(await first.exitStatus() == 0)

        let second = try await ServerProcess.ready(arguments)
        try await onThread {
            let admin = try AdminClient(second)
            func standing() throws -> Standing { Standing(try admin.deployment("digits-svm")) }
            #expect(try standing() == scaled)

            _ = try admin.change("POST", Self.path + "/scale", #"{"autoscale": false}"#)
            #expect(
                try standing()
                    == Standing("admin", overrides: file, batch: 16, scale: "configuration", replicas: 1, version: 2))

            _ = try admin.change("DELETE", Self.path)
            #expect(try standing() == Standing("file", batch: 8, scale: "configuration", replicas: 1, version: 2))
            let again = try admin.reply("DELETE", Self.path)
            #expect(again.status == 409)
            #expect(again.text.contains("no change was made to it"))
        }
        second.signal(SIGKILL)
        _ = await second.exitStatus()

        let third = try await ServerProcess.ready(arguments)
        try await onThread { () throws in
            #expect(
                Standing(try AdminClient(third).deployment("digits-svm"))
                    == Standing("file", batch: 8, scale: "configuration", replicas: 1, version: 2))
        }
    }

    @Test("a configuration that was PUT counts where the file is wrong, and so do new versions")
    func brokenFile() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let server = try await ServerProcess.ready(["--models", folder.models])

        try await onThread {
            let admin = try AdminClient(server)
            _ = try admin.change("PUT", Self.path, #"{"replicas": 1, "batching": {"max_batch_size": 16}}"#)
            try folder.write("replica: 1\n", to: "models/digits-svm/model.yaml")
            try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "models/digits-svm/2/model.onnx")
            let reload = try admin.reply("POST", "/admin/v1/reload")
            #expect(reload.status == 422)
            #expect(
                try JSON(reload).faults.list.first?.text?.hasPrefix("\(folder.models)/digits-svm/model.yaml:1:1: ")
                    == true)

            let document = try admin.wait(for: "digits-svm") {
                Standing($0) == Standing("admin", batch: 16, scale: "configuration", replicas: 1, version: 2)
            }
            #expect(document.warnings.list.isEmpty, "\(document.warnings)")
        }
    }

    @Test("a deployment whose update was halted is still scaled, and the scaling is done")
    func scaleHalted() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let server = try await ServerProcess.ready(["--models", folder.models])

        try await onThread {
            let admin = try AdminClient(server)
            try folder.write("no model", to: "models/digits-svm/2/model.onnx")
            _ = try admin.reply("POST", "/admin/v1/reload")
            let halted = try admin.wait(for: "digits-svm") { $0.state.text == "halted" }
            #expect(halted.update.state.text == "halted")
            #expect(halted.reason.text?.hasPrefix("version 2: ") == true)

            let reply = try admin.reply("POST", Self.path + "/scale?wait=60s", #"{"replicas": 3}"#)
            let change = try JSON(reply)
            #expect(reply.status == 200)
            #expect(change.done.isTrue)
            #expect(change.state.text == "halted")

            let version = try admin.deployment("digits-svm").versions.list.first { $0.version.number == 1 }
            #expect(version?.replicas.list.compactMap(\.state.text) == ["ready", "ready", "ready"])
        }
    }
}
