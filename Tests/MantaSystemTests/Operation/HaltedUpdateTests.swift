import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Updates that go wrong")
    struct HaltedUpdateTests {
        /// A version 2 that must not get requests.
        struct Fault: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var model: @Sendable () throws -> [UInt8]
            /// What the reason must say.
            var reason: String
            /// How often slower than version 1 it may be before it breaks the objective; `nil` without an objective.
            var slowness: Double?
        }

        static let faults = [
            Fault(testDescription: "a truncated file", model: { try sound().dropLast(100) }, reason: "model.onnx"),
            Fault(
                testDescription: "a model that fails when it is warmed",
                model: { try OperatedModel.model("fails_always") }, reason: "warm-up"),
            Fault(
                testDescription: "a model that fails with live inputs only",
                model: { try OperatedModel.model("fails_beyond_one") },
                reason: "failed a request that the version in service answered"),
            Fault(
                testDescription: "a model ten times slower", model: { try OperatedModel.model("echo_slow") },
                reason: "slo.p99_ms", slowness: 4),
            Fault(
                testDescription: "a model whose input has another name",
                model: { try OperatedModel.model("echo_renamed") }, reason: "input \"x\" is gone"),
            Fault(
                testDescription: "a model whose input has another shape",
                model: { try OperatedModel.model("echo_wider") }, reason: "input \"x\" was [-1, 4] and is [-1, 5] now"),
        ]

        @Test(
            "the update is halted with its reason, the old version serves all requests, and a repair ends it",
            arguments: faults)
        func halted(fault: Fault) async throws {
            // Time enough for the slow one to be seen as slow, wherever this runs.
            let base = "batching: {max_batch_size: 0}\nreplicas: 1\nrollout: {trial_s: 20}\n"
            let model = try await OperatedModel(OperatedModel.file("echo"), configuration: base)
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: model.server.port, requests: requests, count: 200)
            let load = OpenLoad(port: model.server.port, requests: requests, perSecond: 0.7 * capacity)

            let (_, report) = try await load.during {
                let admin = try OperatorClient(port: model.server.adminPort)
                if let slowness = fault.slowness {
                    let objective = try Self.runTime(on: model.server) * slowness
                    try model.configure(base + "slo: {p99_ms: \(objective)}\n")
                    // The rows of the first version under its new objective.
                    try admin.wait(for: "m", "given an objective") {
                        $0.configuration.values.slo != nil && $0.state == "ready"
                    }
                }
                for isRemoved in [true, false] {
                    try model.write(fault.model(), version: 2)
                    let halted = try admin.wait(for: "m", "halted") { $0.state == "halted" }
                    #expect(halted.reason?.contains(fault.reason) == true, "\(halted)")
                    #expect(halted.serving?.version == 1 && halted.serving?.state == "ready", "\(halted)")

                    if isRemoved {
                        try model.remove(version: 2)
                        try admin.wait(for: "m", "ready again") { $0.state == "ready" && $0.serving?.version == 1 }
                    } else {
                        try model.write(model.model(documented: "repaired"), version: 2)
                        try admin.wait(for: "m", "repaired") { $0.state == "ready" && $0.serving?.version == 2 }
                    }
                }
            }

            print("\(fault.testDescription), 70 % of \(Int(capacity))/s: \(report)")
            #expect(report.failed == 0, "\(report)")
            #expect(report.versions.isSubset(of: ["1", "2"]))
        }

        private static func sound() throws -> [UInt8] { try OperatedModel.model("echo") }

        /// The median of what the model takes for a request alone, in milliseconds.
        private static func runTime(on server: ServerProcess) throws -> Double {
            let client = try SocketClient(port: server.port)
            let times = try OpenLoad.Request.echoes(of: "m").prefix(25).map { request in
                try client.send(request.bytes)
                let timing = try client.reply()["Server-Timing"] ?? ""
                return timing.firstMatch(of: /run;dur=([0-9.]+)/).flatMap { Double($0.1) } ?? 0
            }
            return times.sorted()[times.count / 2]
        }
    }
}
