import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Whatever operators do")
    struct RandomOperationTests {
        /// What may happen to a deployment that goes on serving.
        private enum Step: CaseIterable {
            case newVersion, overwrite, brokenVersion, unfitVersion, removal, configuration, put, delete, scale, hangUp
        }

        @Test(
            "changes on top of each other, good and bad, lose no request, and the last good version serves in the end")
        func random() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            print("seed \(seed)")
            let model = try await OperatedModel(
                OperatedModel.file("echo"), configuration: Self.configuration(limit: 1000))
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: model.server.port, requests: requests, count: 200)
            let load = OpenLoad(port: model.server.port, requests: requests, perSecond: 0.5 * capacity)

            let (steps, report) = try await load.during {
                var random = SeededGenerator(seed: seed)
                let admin = try OperatorClient(port: model.server.adminPort)
                var (versions, next) = ([1], 2)
                var steps: [String] = []
                for number in 0..<30 {
                    let step = Step.allCases.randomElement(using: &random) ?? .scale
                    try Self.take(step, number, model, admin, versions: &versions, next: &next, random: &random)
                    steps.append("\(step)")
                    // Sometimes shorter and sometimes longer than an update takes.
                    Thread.sleep(forTimeInterval: Double.random(in: 0...0.3, using: &random))
                }
                let last = model.model(documented: "last")
                try model.configure(Self.configuration(limit: 2000))
                try admin.put("m", Self.configuration(limit: 2000))
                try admin.delete("m")
                try model.write(last, version: next)
                let hash = digest(of: last)
                try admin.wait(for: "m", "at rest after \(steps)") {
                    $0.state == "ready" && $0.serving?.version == next && $0.serving?.hash == hash
                        && $0.configuration.values.queue.maxRequests == 2000 && $0.readyReplicas == 1
                }
                return steps
            }

            print("50 % of \(Int(capacity))/s: \(report)")
            #expect(report.failed == 0, "\(report) after \(steps)")
        }

        private static func configuration(limit: Int) -> String {
            "batching: {max_batch_size: 0}\nreplicas: 1\nqueue: {max_requests: \(limit)}\nrollout: {settle_s: 1}\n"
        }

        private static func take(
            _ step: Step, _ number: Int, _ model: OperatedModel, _ admin: OperatorClient, versions: inout [Int],
            next: inout Int, random: inout SeededGenerator
        ) throws {
            let sound = model.model(documented: "\(number)")
            switch step {
            case .newVersion, .brokenVersion, .unfitVersion:
                let unfit = ["fails_always", "fails_beyond_one", "echo_renamed"].randomElement(using: &random) ?? ""
                let content =
                    switch step {
                    case .newVersion: sound
                    case .brokenVersion: Array(sound.prefix(100 + number))
                    default: try OperatedModel.model(unfit)
                    }
                try model.write(content, version: next)
                versions.append(next)
                next += 1
            case .overwrite:
                if let version = versions.last { try model.write(sound, version: version) }
            case .removal:
                if let version = versions.popLast() { try model.remove(version: version) }
            case .configuration:
                try model.configure(configuration(limit: 1000 + number))
            case .put:
                try admin.put("m", configuration(limit: 1000 + number))
            case .delete:
                // Refused if there is nothing to take back.
                do { try admin.delete("m") } catch is OperatorClient.Refusal {}
            case .scale:
                try admin.scale("m", #"{"replicas": \#(Int.random(in: 1...3, using: &random))}"#)
            case .hangUp:
                model.server.signal(SIGHUP)
            }
        }
    }
}
