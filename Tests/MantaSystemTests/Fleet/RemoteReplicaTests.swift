import Foundation
import MantaTestKit
import Testing

extension OperationTests {
    @Suite("Replicas on other servers")
    struct RemoteReplicaTests {
        @Test(
            """
            one of two servers is killed, comes back, the other is stopped and goes on, one stops in good order: no \
            request is lost at 70 % of what one can take
            """)
        func faults() async throws {
            let workers = try await [RemoteWorker(), RemoteWorker()]
            let front = try await RemoteFront(workers)
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: front.server.port, requests: requests, count: 400)
            let load = OpenLoad(port: front.server.port, requests: requests, perSecond: 0.35 * capacity)

            let (silence, report) = try await load.during(steps: {
                try await front.wait(for: "served by both") { $0.readyReplicas == 2 }

                workers[0].server.signal(SIGKILL)
                try await front.wait(for: "out") { $0.serving?.replicas[0].state == "out" }
                let again = try await workers[0].anotherProcess()
                try await front.wait(for: "in again") { $0.readyReplicas == 2 }

                let stopped = ContinuousClock.now
                workers[1].server.signal(SIGSTOP)
                try await front.wait(for: "out") { $0.serving?.replicas[1].state == "out" }
                let silence = ContinuousClock.now - stopped
                workers[1].server.signal(SIGCONT)
                try await front.wait(for: "in again") { $0.readyReplicas == 2 }

                again.signal(SIGTERM)
                try await front.wait(for: "out") { $0.serving?.replicas[0].state == "out" }
                return silence
            })

            print("35 % of \(Int(capacity))/s: \(report); stopped server out after \(silence)")
            #expect(report.failed == 0, "\(report)")
            #expect(silence < .seconds(1))
        }

        @Test("a model that isn't idempotent loses what a killed server had, and says so")
        func notIdempotent() async throws {
            let workers = try await [RemoteWorker(), RemoteWorker()]
            let front = try await RemoteFront(workers, configuration: "idempotent: false\n")
            let requests = OpenLoad.Request.echoes(of: "m")
            let capacity = try await OpenLoad.capacity(port: front.server.port, requests: requests, count: 200)
            let load = OpenLoad(port: front.server.port, requests: requests, perSecond: 0.9 * capacity)

            let (_, report) = try await load.during(steps: {
                // Whether it runs something at the moment is a matter of chance, but not three times.
                var worker = workers[0].server
                for _ in 0..<3 {
                    try await front.wait(for: "served by both") { $0.readyReplicas == 2 }
                    worker.signal(SIGKILL)
                    try await front.wait(for: "out") { $0.serving?.replicas[0].state == "out" }
                    worker = try await workers[0].anotherProcess()
                }
            })

            print("without a second try: \(report)")
            #expect(report.failed > 0)
            #expect(report.failures.allSatisfy { $0.hasPrefix("503 ") && $0.contains("idempotent") }, "\(report)")
        }

        @Test("the trace that a request belongs to goes with it to the server, and both logs name it")
        func trace() async throws {
            let worker = try await ServerProcess.ready([OperatedModel.file("echo")])
            let folder = try TemporaryFolder()
            try folder.write(
                "remote: [\"http://127.0.0.1:\(worker.port)/v2/models/echo\"]\n", to: "m/model.yaml")
            let front = try await ServerProcess.ready(["--models", folder.path])
            let id = "4bf92f3577b34da6a3ce929d0e0e4736"

            try await onThread {
                let client = try SocketClient(port: front.port)
                let deadline = ContinuousClock.now + .seconds(20)
                while try client.request("GET", "/v2/models/m/ready").status != 200, .now < deadline {}
                let body = Array(
                    #"{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}"#.utf8)
                for parent in ["00-\(id)-00f067aa0ba902b7-01", "00-\(id)-0000000000000000-01"] {
                    let reply = try client.request(
                        "POST", "/v2/models/m/infer", headers: ["traceparent: \(parent)"], body: body)
                    #expect(reply.status == 200, "\(reply.text)")
                }
                for server in [front, worker] {
                    var lines: [Substring] = []
                    // What is logged comes by way of a pipe.
                    while lines.count < 2, .now < deadline {
                        lines = server.log.split(separator: "\n").filter { $0.contains("/infer") }
                    }
                    #expect(lines.map { $0.contains("trace.id=\(id)") } == [true, false], "\(lines)")
                }
            }
        }

        @Test(
            "answers are the same as without a front, for types of fixed and of free width, and for models without batches"
        )
        func answers() async throws {
            let names = [
                "identity_bytes", "identity_bool", "identity_fp16", "sum_and_greater", "concatenate", "scalar",
            ]
            let worker = try await ServerProcess.ready(names.map(fixture))
            let folder = try TemporaryFolder()
            for name in names {
                try folder.write(
                    "remote: [\"http://127.0.0.1:\(worker.port)/v2/models/\(name)\"]\n", to: "\(name)/model.yaml")
            }
            let front = try await ServerProcess.ready(["--models", folder.path])

            for name in names {
                let path = "/v2/models/\(name)"
                try await onThread {
                    let (here, there) = (try SocketClient(port: front.port), try SocketClient(port: worker.port))
                    let deadline = ContinuousClock.now + .seconds(20)
                    while try here.request("GET", path + "/ready").status != 200, .now < deadline {}
                    struct Metadata: Decodable {
                        struct Port: Decodable, Equatable {
                            var name: String
                            var datatype: String
                            var shape: [Int]
                        }

                        var inputs: [Port]
                        var outputs: [Port]
                    }
                    let metadata = try [here, there].map {
                        try JSONDecoder().decode(Metadata.self, from: Data($0.request("GET", path).body))
                    }
                    #expect(metadata[0].inputs == metadata[1].inputs, "\(name)")
                    #expect(metadata[0].outputs == metadata[1].outputs, "\(name)")
                    let inputs = metadata[1].inputs.map { port in
                        let shape = port.shape.map { $0 == -1 ? 2 : $0 }
                        let count = shape.reduce(1, *)
                        let element =
                            switch port.datatype {
                            case "BYTES": "\"ü\\u0000x\""
                            case "BOOL": "true"
                            default: "1"
                            }
                        let data = Array(repeating: element, count: count).joined(separator: ",")
                        return "{\"name\":\"\(port.name)\",\"datatype\":\"\(port.datatype)\",\"shape\":\(shape),"
                            + "\"data\":[\(data)]}"
                    }
                    let body = Array("{\"inputs\":[\(inputs.joined(separator: ","))]}".utf8)
                    let answers = try [here, there].map { client in
                        try client.request(
                            "POST", path + "/infer", headers: ["Content-Type: application/json"], body: body)
                    }
                    #expect(answers[0].status == answers[1].status, "\(name): \(answers[0].text)")
                    if answers[1].status == 200 { #expect(answers[0].text == answers[1].text, "\(name)") }
                }
            }
        }
    }
}

/// A server that has the model "m", on a port that it gets again when it is started again.
private final class RemoteWorker: Sendable {
    let server: ServerProcess
    private let folder: TemporaryFolder

    init() async throws {
        folder = try TemporaryFolder()
        try folder.write("http: {access_log: false}\nmodels: [models]\n", to: "manta.yaml")
        try folder.write("batching: {max_batch_size: 0}\nreplicas: 1\n", to: "models/m/model.yaml")
        try folder.copy(fromRepository: OperatedModel.file("echo"), to: "models/m/1/model.onnx")
        server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
    }

    /// Another process in the place of the one that has ended.
    func anotherProcess() async throws -> ServerProcess {
        try await ServerProcess.ready(
            ["--config", "\(folder.path)/manta.yaml", "--http", "127.0.0.1:\(server.port)"])
    }
}

/// A server that has others serve the model "m".
private final class RemoteFront: Sendable {
    let server: ServerProcess
    private let folder: TemporaryFolder

    init(_ workers: [RemoteWorker], configuration: String = "") async throws {
        folder = try TemporaryFolder()
        let addresses = workers.map { "\"http://127.0.0.1:\($0.server.port)/v2/models/m\"" }
        try folder.write("http: {access_log: false}\nmodels: [models]\n", to: "manta.yaml")
        try folder.write(
            "remote: [\(addresses.joined(separator: ", "))]\n" + configuration, to: "models/m/model.yaml")
        server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
    }
    /// Waits until the model is as wanted.
    func wait(for what: String, until isRight: @escaping @Sendable (OperatorClient.Deployment) -> Bool) async throws {
        try await onThread { [port = server.adminPort] in
            _ = try OperatorClient(port: port).wait(for: "m", what, until: isRight)
        }
    }
}
