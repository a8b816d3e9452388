import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Changes and kill -9")
    struct DurabilityTests {
        /// What was changed last: acknowledged, and sent. They differ if the server was killed in between.
        private struct Ledger {
            var limit = (acknowledged: 0, sent: 0)
            var replicas = (acknowledged: 0, sent: 0)
            /// Changes that were cut off, and those of them that hold all the same.
            var (cut, held) = (0, 0)
        }

        private static let rounds = 20
        private static let seed = UInt64.random(in: 0...UInt64.max)

        @Test("a change that was acknowledged as durable is there after each of 20 kills at any moment")
        func kill() async throws {
            print("seed \(Self.seed)")
            var random = SeededGenerator(seed: Self.seed)
            let folder = try TemporaryFolder()
            try folder.copy(fromRepository: fixture("identity_fp32"), to: "models/m/1/model.onnx")
            let arguments = ["--models", "\(folder.path)/models", "--state", "\(folder.path)/state"]
            var ledger = Ledger()

            for round in 0...Self.rounds {
                let server = try await ServerProcess.ready(arguments)
                let before = ledger
                let changes = Int.random(in: 1...12, using: &random)
                let delay = Double.random(in: 0...0.004, using: &random)
                ledger = try await onThread {
                    let admin = try OperatorClient(port: server.adminPort)
                    let found = Self.check(before, against: try admin.status(of: "m"), round: round)
                    return try Self.change(from: found, admin, changes: changes) {
                        // From before the server has the last change until after it has answered it.
                        Thread.sleep(forTimeInterval: delay)
                        server.signal(SIGKILL)
                    }
                }
                #expect(await server.exitStatus() == -9)
            }

            print("\(ledger.cut) changes were cut off, of which \(ledger.held) hold")
        }

        /// Expects that what is there was acknowledged last, or sent after that; it counts from here on.
        private static func check(
            _ ledger: Ledger, against deployment: OperatorClient.Deployment, round: Int
        ) -> Ledger {
            var found = ledger
            if deployment.configuration.source == "admin" {
                found.limit.acknowledged = deployment.configuration.values.queue.maxRequests
            }
            if deployment.scale.source == "admin" { found.replicas.acknowledged = deployment.scale.replicas }
            for (old, new) in [(ledger.limit, found.limit), (ledger.replicas, found.replicas)] {
                #expect(
                    new.acknowledged == old.acknowledged || new.acknowledged == old.sent,
                    "round \(round): \(ledger), but \(deployment)")
                found.cut += old.acknowledged != old.sent ? 1 : 0
                found.held += old.acknowledged != new.acknowledged ? 1 : 0
            }
            (found.limit.sent, found.replicas.sent) = (found.limit.acknowledged, found.replicas.acknowledged)
            return found
        }

        /// Makes changes, one after the other; the last one may be cut off.
        private static func change(
            from found: Ledger, _ admin: OperatorClient, changes: Int, kill: @escaping @Sendable () -> Void
        ) throws -> Ledger {
            var ledger = found
            for number in 1...changes {
                if number == changes { Thread.detachNewThread(kill) }
                do {
                    // Either kind may be the last.
                    if (number + changes / 2) % 2 == 0 {
                        ledger.limit.sent = ledger.limit.acknowledged + 1
                        #expect(try admin.put("m", "queue: {max_requests: \(ledger.limit.sent)}\n").durable)
                        ledger.limit.acknowledged = ledger.limit.sent
                    } else {
                        ledger.replicas.sent = ledger.replicas.acknowledged % 16 + 1
                        #expect(try admin.scale("m", #"{"replicas": \#(ledger.replicas.sent)}"#).durable)
                        ledger.replicas.acknowledged = ledger.replicas.sent
                    }
                } catch is SocketClient.Failure where number == changes {
                    break
                }
            }
            return ledger
        }
    }
}
