import Foundation
import MantaProcesses
import MantaTestKit
import Testing

@Suite("The commands and a server", .timeLimit(.minutes(5)))
struct CommandSystemTests {
    /// The binary as an operator calls it, with the server's endpoint in its environment.
    private struct Shell {
        let server: ServerProcess
        var token: String?

        func callAsFunction(_ arguments: String...) async throws -> Tool.Result {
            try await Tool.run(ServerProcess.binary.path, arguments, environment: environment)
        }

        var environment: [String: String] {
            ["MANTA_ADMIN": "http://127.0.0.1:\(server.adminPort)", "MANTA_TOKEN": token ?? ""]
        }
    }

    @Test("a model is deployed, seen, asked, scaled, watched and taken back")
    func story() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        try folder.copy(fromRepository: "models/digits-svm/1/model.onnx", to: "digits.onnx")
        let server = try await ServerProcess.ready(["--models", folder.models, "--state", "\(folder.path)/state"])
        let manta = Shell(server: server)
        let follower = try await Program(
            ServerProcess.binary.path, ["events", "--follow", "--deployment", "digits"], environment: manta.environment
        ).start()

        let deployed = try await manta("deploy", "\(folder.path)/digits.onnx")
        #expect(deployed.status == 0)
        #expect(deployed.output.wholeMatch(of: #/([0-9]+) replicas? (is|are) wanted, \1 (is|are) ready\n/#) != nil)
        #expect(await follower.wrote("digits/1  version 1 serves with"))

        let status = try await manta("status")
        #expect(status.status == 0)
        #expect(status.output.contains(#/(?m)^digits +ready +1 /#), "\(status.output)")
        #expect(status.output.contains(#/(?m)^digits-mlp +ready +1,2 +([0-9]+)\/\1 /#), "\(status.output)")

        let scaled = try await manta("scale", "digits", "3", "--wait", "60s")
        #expect(scaled == Tool.Result(status: 0, output: "3 replicas are wanted, 3 are ready\n"))
        let details = try await manta("status", "digits")
        #expect(details.output.contains(#/(?m)^  configuration +admin\n  scale +3 replicas, pinned \(admin\)$/#))
        #expect(details.output.contains("*1  ready       3/3"), "\(details.output)")

        try await ask("digits", of: server, with: manta)

        let configured = try await manta("scale", "digits", "--as-configured", "--wait", "60s", "--json")
        #expect(configured.status == 0)
        #expect(configured.output.contains(#""done":true"#))

        #expect(try await manta("undeploy", "digits", "--wait", "60s").output == "digits is taken out of service\n")
        #expect(await follower.wrote("no longer wanted"))
        follower.signal(SIGINT)
        #expect(await follower.exitStatus() == 0)
        #expect(
            try await manta("undeploy", "digits")
                == Tool.Result(status: 69, output: "manta: deployment \"digits\" is not found\n"))
    }

    /// Every row of the held-out digits, which are right as often as the model's README says.
    private func ask(_ name: String, of server: ServerProcess, with manta: Shell) async throws {
        let holdout = try Holdout()
        let folder = try TemporaryFolder()
        let rows = holdout.pixels.map { $0.map { "\($0)" }.joined(separator: ",") }
        try folder.write(rows.joined(separator: "\n"), to: "rows.csv")

        let answer = try await manta(
            "infer", name, "--url", "http://127.0.0.1:\(server.port)", "--file", "\(folder.path)/rows.csv", "--csv")

        #expect(answer.status == 0, "\(answer.output.suffix(300))")
        let lines = answer.output.split(separator: "\n")
        #expect(lines.first?.hasPrefix("label,") == true)
        #expect(lines.count == holdout.labels.count + 1)
        let labels = lines.dropFirst().compactMap { $0.split(separator: ",").first.flatMap { Double($0) } }
        #expect(holdout.accuracy(of: labels) > 0.95)
    }

    @Test("files that change are read again, and what is wrong with them is told by reload, check and status")
    func faults() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        let server = try await ServerProcess.ready(["--models", folder.models])
        let manta = Shell(server: server)
        let file = "\(folder.models)/digits-svm/model.yaml"
        let fine = try await manta("check", "\(folder.models)/digits-svm")
        #expect(fine == Tool.Result(status: 0, output: "digits-svm: serves version 1 of \(folder.models)/digits-svm\n"))
        #expect(try await manta("reload") == Tool.Result(status: 0, output: "everything was read again\n"))

        try folder.write("replica: 2\n", to: "models/digits-svm/model.yaml")
        for command in ["check", "reload"] {
            let found = command == "check" ? try await manta("check", file) : try await manta("reload")
            #expect(found.status == 78, "\(command): \(found.output)")
            #expect(found.output.contains("\(file):1:1: "), "\(command): \(found.output)")
            #expect(found.output.contains("did you mean \"replicas\"?"), "\(command): \(found.output)")
        }
        let status = try await manta("status")
        #expect(status.output.contains("warning: digits-svm: what was read before still counts: \(file):1:1: "))
        #expect(status.output.matches(of: #/still counts/#).count == 1, "\(status.output)")
    }

    @Test("exit codes tell whose fault it is")
    func exitCodes() async throws {
        let folder = try TemporaryFolder.withSampleModels()
        try folder.write("4fJq0uC1x2nU8tY6eR3sWw\n", to: "tokens.txt")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder.path)/tokens.txt")
        try folder.write("models: [models]\nadmin: {credentials: tokens.txt}\n", to: "manta.yaml")
        try folder.write("batching: {max_batch_size: many}\n", to: "digits-svm/faulty.yaml")
        try folder.write("no model", to: "broken.onnx")
        try folder.write("1,2\n", to: "short.csv")
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
        let manta = Shell(server: server, token: "4fJq0uC1x2nU8tY6eR3sWw")
        let url = "http://127.0.0.1:\(server.port)"

        #expect(try await Shell(server: server)("status").status == 77)
        #expect(try await Shell(server: server, token: "another-token-of-16")("status").status == 77)
        #expect(try await manta("status").status == 0)
        #expect(try await manta("status", "--token-file", "\(folder.path)/tokens.txt").status == 0)
        #expect(try await manta("status", "nobody").status == 69)
        #expect(try await manta("status", "--admin", "http://127.0.0.1:1").status == 69)
        #expect(try await manta("scale", "digits-svm", "--min", "2").status == 64)
        #expect(try await manta("scale", "digits-svm", "1025").status == 64)
        #expect(try await manta("scale", "nobody", "1").status == 69)
        #expect(try await manta("undeploy", "digits-svm").status == 69)

        let faulty = try await manta("deploy", "\(folder.path)/digits-svm/faulty.yaml")
        #expect(faulty.status == 78)
        #expect(faulty.output.contains("1:28: "), "\(faulty.output)")
        let broken = try await manta("deploy", "\(folder.path)/broken.onnx")
        #expect(broken.status == 1)
        #expect(broken.output.hasPrefix("manta: failed: version 1: "), "\(broken.output)")
        #expect(try await manta("deploy", "\(folder.path)/nowhere.onnx").status == 65)

        let short = try await manta("infer", "digits-svm", "--url", url, "--file", "\(folder.path)/short.csv")
        #expect(short.status == 65)
        #expect(short.output.contains("short.csv:1"), "\(short.output)")
        #expect(try await manta("infer", "nobody", "--url", url, "--file", "\(folder.path)/short.csv").status == 69)

        let events = try await manta("events")
        #expect(events.status == 0)
        #expect(events.output.contains("digits-svm/1  version 1 serves with 1 replica"))
    }
}
