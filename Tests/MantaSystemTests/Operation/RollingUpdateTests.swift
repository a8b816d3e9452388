import Foundation
import MantaTestKit
import Testing

/// What operating Manta promises, each under load. One after the other: some measure what the machine can do.
@Suite("Operation", .serialized, .timeLimit(.minutes(5)))
enum OperationTests {}

extension OperationTests {
    @Suite("Rolling updates")
    struct RollingUpdateTests {
        @Test(
            "20 updates in a row, scaling and reading files again lose no request of 70 % of what the server can take")
        func digits() async throws {
            let base = "batching: {max_batch_size: 64}\nreplicas: 1\n"
            let model = try await OperatedModel("models/digits-svm/1/model.onnx", configuration: base)
            let port = model.server.port
            let requests = try await onThread { try OpenLoad.Request.digits(of: "m", port: port) }
            let capacity = try await OpenLoad.capacity(port: port, requests: requests, count: 4000)
            let load = OpenLoad(port: port, requests: requests, perSecond: 0.7 * capacity)

            let (_, report) = try await load.during {
                let admin = try OperatorClient(port: model.server.adminPort)
                try Self.update(model, 20, configuration: base, admin)
                for count in [4, 1] {
                    try admin.scale("m", #"{"replicas": \#(count)}"#)
                    try admin.wait(for: "m", "scaled to \(count)") { $0.readyReplicas == count && $0.state == "ready" }
                }
                let past = try admin.pastEvents()
                model.server.signal(SIGHUP)
                try admin.wait(forEvent: "files were read again", beyond: past)
                try admin.wait(for: "m", "ready") { $0.state == "ready" }
            }

            print("digits, 70 % of \(Int(capacity))/s: \(report)")
            #expect(report.failed == 0, "\(report)")
        }

        @Test("updates that move at once lose nothing of what waits for a busy model, and without the drain they do")
        func drain() async throws {
            let sound = try await Self.updatesOfBusyModel(rollout: "trial_requests: 5, settle_s: 0")
            let control = try await Self.updatesOfBusyModel(
                rollout: "trial_requests: 5, settle_s: 0, drain_timeout_s: 0")

            print("with drain: \(sound)\nwithout: \(control)")
            #expect(sound.failed == 0, "\(sound)")
            #expect(control.failed > 0, "\(control)")
            #expect(control.failures.allSatisfy { $0.hasPrefix("503 ") && $0.contains("retired") }, "\(control)")
        }

        /// 20 updates of a model that takes milliseconds for a request and has one replica, so that some always wait.
        private static func updatesOfBusyModel(rollout: String) async throws -> OpenLoad.Report {
            let base = "batching: {max_batch_size: 0}\nreplicas: 1\nrollout: {\(rollout)}\n"
            let model = try await OperatedModel(OperatedModel.file("echo"), configuration: base)
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: model.server.port, requests: requests, count: 200)
            let load = OpenLoad(port: model.server.port, requests: requests, perSecond: 0.7 * capacity)
            return try await load.during {
                try update(model, 20, configuration: base, try OperatorClient(port: model.server.adminPort))
            }.report
        }

        /// Updates in each way that there is, in turn; waits for each.
        private static func update(
            _ model: OperatedModel, _ count: Int, configuration: String, _ admin: OperatorClient
        ) throws {
            var version = 1
            for number in 0..<count {
                // Tells this update from all others.
                let limit = 1000 + number
                let file = model.model(documented: "\(number)")
                switch number % 6 {
                case 0:
                    version += 1
                    try model.write(file, version: version)
                case 1:
                    try model.write(file, version: version)
                case 2:
                    try model.configure(configuration + "queue: {max_requests: \(limit)}\n")
                case 3:
                    try model.replace(with: file, version: version)
                case 4:
                    try admin.put("m", configuration + "queue: {max_requests: \(limit)}\n")
                default:
                    try admin.delete("m")
                }
                let hash = digest(of: file)
                try admin.wait(for: "m", "updated as by step \(number)") { deployment in
                    guard deployment.state == "ready", deployment.serving?.version == version else { return false }
                    return switch number % 6 {
                    case 0, 1, 3: deployment.serving?.hash == hash
                    case 2, 4: deployment.configuration.values.queue.maxRequests == limit
                    default: deployment.configuration.source == "file"
                    }
                }
            }
        }
    }
}
