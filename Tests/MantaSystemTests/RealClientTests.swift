import Foundation
import MantaTestKit
import Testing

@Suite("Real clients", .timeLimit(.minutes(5)))
struct RealClientTests {
    /// The models that the clients ask.
    private static let models =
        [
            "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "fp16", "bf16", "fp32",
            "fp64", "bytes",
        ].map { fixture("identity_\($0)") } + [fixture("sum_and_greater"), fixture("concatenate")]

    @Test("tritonclient for HTTP works unchanged: metadata, every type in JSON and binary, errors")
    func tritonclient() async throws {
        let server = try await ServerProcess.ready(Self.models)

        let result = try await Tool.run(
            Tool.python, ["Tests/MantaSystemTests/Clients/triton_http.py", "127.0.0.1:\(server.port)"])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("all checks passed\n"))
    }

    @Test("statistics, log and trace settings work with tritonclient, generate and predict with plain requests")
    func settings() async throws {
        let folder = try TemporaryFolder()
        let traces = "\(folder.path)/trace.json"
        let server = try await ServerProcess.ready(
            ["--allow-model-control", "--trace-file", traces]
                + ["identity_fp32", "identity_bytes", "sum_and_greater"].map(fixture))

        let result = try await Tool.run(
            Tool.python, ["Tests/MantaSystemTests/Clients/triton_settings.py", "127.0.0.1:\(server.port)", traces])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("all checks passed\n"))
    }

    @Test(
        """
        tritonclient for gRPC works unchanged: metadata, every type typed and raw, streams, errors, compression; so do \
        gRPC's own clients for health and reflection
        """)
    func tritonclientOverGRPC() async throws {
        let server = try await ServerProcess.ready(Self.models)

        let result = try await Tool.run(
            Tool.python, ["Tests/MantaSystemTests/Clients/triton_grpc.py", "127.0.0.1:\(server.grpcPort)"])

        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("all checks passed\n"))
    }

    @Test("a log that was silenced stays silent, and the last traces are written at the stop")
    func silence() async throws {
        let folder = try TemporaryFolder()
        let traces = "\(folder.path)/trace.json"
        let server = try await ServerProcess.ready(["--trace-file", traces, fixture("identity_fp32")])
        let json = ["Content-Type: application/json"]

        let heard = try await onThread {
            try InferenceClient(port: server.port).request("GET", "/v2/models/identity_fp32").status
        }
        #expect(await server.logContains("http.target=/v2/models/identity_fp32 "))
        let statuses = try await onThread {
            let (inference, admin) = (
                try InferenceClient(port: server.port), try InferenceClient(port: server.adminPort)
            )
            let silenced = try admin.request("POST", "/v2/logging", headers: json, body: #"{"log_info":false}"#)
            let unheard = try inference.request("GET", "/v2/models/identity_fp32/versions/1")
            let refused = try inference.request("POST", "/v2/trace/setting", body: #"{"trace_level":["TIMESTAMPS"]}"#)
            let traced = try admin.request(
                "POST", "/v2/trace/setting", headers: json, body: #"{"trace_level":["TIMESTAMPS"],"trace_rate":"1"}"#)
            for _ in 0..<50 { _ = try inference.infer("identity_fp32", shape: [1, 2], [1, 2]) }
            return [silenced, unheard, refused, traced].map(\.status)
        }
        server.signal(SIGTERM)

        #expect(heard == 200 && statuses == [200, 200, 403, 200])
        #expect(await server.exitStatus() == 0)
        #expect(!server.log.contains("http.target=/v2/models/identity_fp32/versions/1 "), "\(server.log)")
        let records = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: traces))) as? [Any]
        #expect(records?.count == 100)
    }

    @Test("curl speaks HTTPS with a certificate from a file")
    func tls() async throws {
        let folder = try TemporaryFolder()
        let (key, certificate) = ("\(folder.path)/key.pem", "\(folder.path)/certificate.pem")
        let made = try await Tool.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ])
        #expect(made.status == 0, "\(made.output)")
        try folder.write("http:\n  tls: {certificate: certificate.pem, key: key.pem}\n", to: "manta.yaml")
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml", fixture("identity_fp32")])

        let trusted = try await Tool.run(
            "/usr/bin/curl",
            ["-sS", "--cacert", certificate, "https://localhost:\(server.port)/v2/models/identity_fp32/ready"])
        let plain = try await Tool.run("/usr/bin/curl", ["-sS", "http://localhost:\(server.port)/v2"])

        #expect(trusted.output == #"{"name":"identity_fp32","ready":true}"#)
        #expect(plain.status != 0)
    }
}
