import Foundation
import MantaHTTP
import MantaProcesses
import MantaTestKit
import Testing

@testable import MantaClient

/// The real binary, with a server that keeps to the contract.
@Suite("The command line", .timeLimit(.minutes(2)))
struct BinaryTests {
    /// The binary under test: `MANTA_BINARY`, or the one built beside these tests.
    private static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["MANTA_BINARY"] { return path }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appending(path: ".build/debug/manta").path
    }()

    private static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) async throws -> Program.Result {
        var program = Program(binary, arguments)
        program.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        program.input = .bytes(Array((input ?? "").utf8))
        return try await program.run()
    }

    @Test("exit codes tell scripts what happened")
    func exitCodes() async throws {
        try await AdminServer.run { admin, server in
            let url = server.settings.url.description
            let environment = ["MANTA_ADMIN": url]
            let change = #"{"message": "3 replicas are wanted", "done": false, "state": "ready", "durable": true}"#
            admin.set(change: "POST /admin/v1/deployments/m/scale", status: 202, change)
            admin.set(
                change: "PUT /admin/v1/deployments/m", status: 200,
                #"{"done": true, "state": "halted", "reason": "NaN"}"#)
            admin.set("/admin/v1/deployments/m", #"{"name": "m", "state": "ready"}"#)
            let folder = try TemporaryFolder()
            try folder.write("", to: "m.onnx")

            let done = try await Self.run(["scale", "m", "3"], environment: environment)
            #expect(done.status == 0)
            #expect(done.output == "3 replicas are wanted\n")

            let unfinished = try await Self.run(["scale", "m", "3", "--wait", "1s"], environment: environment)
            #expect(unfinished.status == 75)
            #expect(unfinished.errors == "manta: not done within 1s, it goes on: 3 replicas are wanted\n")

            let halted = try await Self.run(["deploy", folder.path + "/m.onnx", "--admin", url])
            #expect(halted.status == 1)
            #expect(halted.errors == "manta: halted: NaN\n")

            let json = try await Self.run(["status", "m", "--json", "--admin", url])
            #expect(json.output == #"{"name": "m", "state": "ready"}"# + "\n")

            let missing = try await Self.run(["status", "nobody", "--admin", url])
            #expect(missing.status == 69)
            #expect(missing.errors == "manta: deployment \"nobody\" is not found\n")

            admin.require(token: "s3cret")
            #expect(try await Self.run(["status", "m"], environment: environment).status == 77)
            let token = environment.merging(["MANTA_TOKEN": "s3cret\n"]) { $1 }
            #expect(try await Self.run(["status", "m"], environment: token).status == 0)
            try folder.write("s3cret\n", to: "token")
            #expect(
                try await Self.run(["status", "m", "--token-file", folder.path + "/token"], environment: environment)
                    .status == 0)
        }
    }

    @Test(
        "wrong arguments are exit code 64",
        arguments: [
            ["scale", "m"], ["scale", "m", "3", "--auto"], ["scale", "m", "--min", "3", "--max", "1"],
            ["scale", "m", "3", "--wait", "61s"], ["status", "--admin", "localhost"], ["status", ".."],
            ["infer", "m", "--file", "x", "--csv", "--json"], ["events", "--deployment", "m", "--json"],
            ["status", "--ca", "x", "--insecure-tls"], ["status", "--token-file", "/nowhere"],
        ])
    func usage(arguments: [String]) async throws {
        #expect(try await Self.run(arguments).status == 64)
    }

    @Test("standard input is read, and a file that is wrong is exit code 65")
    func infer() async throws {
        try await serving {
            $0.on(.get, "/v2/models/m") { _ in
                .document(#"{"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[-1,1]}],"outputs":[]}"#)
            }
            $0.on(.post, "/v2/models/m/infer") { _ in
                .document(#"{"outputs":[{"name":"y","datatype":"FP32","shape":[1,1],"data":[0.5]}]}"#)
            }
        } body: { url in
            let arguments = ["infer", "m", "--file", "-", "--url", url.description, "--timing"]
            let fine = try await Self.run(arguments, input: "x\n1\n")
            let wrong = try await Self.run(arguments, input: "x\n1\ntwo\n")

            #expect(fine.status == 0)
            #expect(fine.output == "  y\n0.5\n")
            #expect(fine.errors.hasPrefix("1 row in 1 request, "))
            #expect(wrong.status == 65)
            #expect(
                wrong.errors
                    == "manta: standard input:3: column 1 (x): expected a value of type FP32, found \"two\"\n")
        }
    }

    @Test("Ctrl-C ends following with exit code 0")
    func interrupt() async throws {
        let began = AsyncStream<Void>.makeStream()
        try await serving {
            $0.on(.get, "/admin/v1/events") { _ in
                HTTPResponse(
                    headers: ["Content-Type": "text/event-stream"],
                    body: .stream { writer in
                        try await writer.write(Array(": hello\n\n".utf8))
                        began.continuation.yield()
                        while true { try await writer.write(Array(": hello\n\n".utf8)) }
                    })
            }
        } body: { url in
            let events = try await Program(Self.binary, ["events", "--follow", "--admin", url.description]).start()
            for await _ in began.stream { break }
            events.signal(SIGINT)

            #expect(await events.exitStatus() == 0)
        }
    }

    @Test("check tells every fault of the files it is given, as lines and as JSON")
    func check() async throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "models/iris/1/model.onnx")
        try folder.write("batchng: {}\nreplicas: x\n", to: "models/iris/model.yaml")
        try folder.write("logging: {level: loud}\nhttp: {lissten: \":1\"}\n", to: "prod.yaml")
        try folder.write("name: other\nreplicas: 0\n", to: "other.yaml")
        let path = folder.path

        let text = try await Self.run([
            "check", path + "/models/iris/model.yaml", path + "/prod.yaml", path + "/other.yaml",
        ])
        #expect(text.status == 78)
        let places = text.errors.split(separator: "\n").map { line in
            line.replacing(path + "/", with: "").split(separator: " ").first.map(String.init) ?? ""
        }
        #expect(
            places == [
                "models/iris/model.yaml:1:1:", "models/iris/model.yaml:2:11:", "prod.yaml:1:18:", "prod.yaml:2:8:",
                "other.yaml:2:11:",
            ], "\(text.errors)")
        #expect(text.errors.contains("did you mean \"batching\"?"))
        #expect(text.errors.contains("did you mean \"listen\"?"))

        for kind in ["/models/iris", "/models", "/models/iris/model.yaml"] {
            let json = try await Self.run(["check", "--json", path + kind])
            #expect(json.status == 78)
            #expect(json.errors.isEmpty)
            #expect(
                json.output.hasPrefix(
                    "{\"faults\":[{\"column\":1,\"file\":\"\(path)/models/iris/model.yaml\",\"line\":1,"))
        }

        try folder.write("replicas: 1\n", to: "models/iris/model.yaml")
        let fine = try await Self.run(["check", path + "/models/iris/"])
        #expect(fine.status == 0)
        #expect(fine.output == "iris: serves version 1 of \(path)/models/iris\n")
        #expect(try await Self.run(["check", "--json", path + "/models"]).output == "{\"faults\":[]}\n")
    }

    @Test("completion scripts complete files", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) async throws {
        let script = try await Self.run(["--generate-completion-script", shell])

        #expect(script.status == 0)
        for word in ["status", "deploy", "infer", "onnx", "token-file"] { #expect(script.output.contains(word)) }
    }
}
