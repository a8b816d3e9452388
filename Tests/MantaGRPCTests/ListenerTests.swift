import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import MantaConfig
import MantaCore
import MantaGRPC
import MantaHTTP
import MantaProcesses
import MantaServing
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@Suite("The gRPC listener", .timeLimit(.minutes(1)))
struct ListenerTests {
    @Test("a port in use is known at once")
    func portInUse() async throws {
        try await TestListener.serving { server in
            var configuration = GRPCServerConfiguration()
            configuration.endpoint = Endpoint("127.0.0.1:\(server.port)")
            let error = await #expect(throws: HTTPServerError.self) {
                try await TestListener.serving {
                    $0.listener = configuration
                } body: { _ in
                }
            }
            #expect(error?.description == "can't listen on 127.0.0.1:\(server.port): the port is in use")
        }
    }

    @Test("who has no token gets UNAUTHENTICATED, but for probes; new tokens count at once")
    func tokens() async throws {
        let folder = try TemporaryFolder()
        @Sendable func write(_ token: String) throws {
            try folder.write("me: \(token)\n", to: "tokens.txt")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: folder.path + "/tokens.txt")
        }
        try write("0123456789abcdef")
        try await TestListener.serving {
            $0.listener.credentials = folder.path + "/tokens.txt"
        } body: { server in
            try await server.withClient { client in
                func code(_ token: String?) async -> RPCError.Code? {
                    let metadata: Metadata = token.map { ["authorization": .string("Bearer \($0)")] } ?? [:]
                    return await client.inferenceError(.rows([1, 2]), metadata: metadata)?.code
                }
                let live: Inference_ServerLiveResponse = try await client.call(
                    .inference("ServerLive"), Inference_ServerLiveRequest())
                #expect(live.live)
                #expect(await code(nil) == .unauthenticated)
                #expect(await code("another0123456789") == .unauthenticated)
                #expect(await code("0123456789abcdef") == nil)

                try write("fedcba9876543210")
                try await server.listener.reload()
                #expect(await code("0123456789abcdef") == .unauthenticated)
                #expect(await code("fedcba9876543210") == nil)
            }
        }
    }

    @Test("a call that runs when the server stops is answered; then nothing listens")
    func stop() async throws {
        let gate = Gate()
        let engine = FakeEngine.holding(gate)
        try await TestListener.serving(engine) { server in
            try await server.withClient { client in
                async let reply = client.infer(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                await server.stop()
                gate.open()
                #expect(try await reply.rawOutputContents.map(\.floats) == [[42, 2, 3, 4]])
            }
        }
    }

    @Test("a call that takes longer than the time for stopping ends with UNAVAILABLE, although its engine goes on")
    func cutOff() async throws {
        let gate = Gate()
        let engine = FakeEngine.holding(gate)
        let error = try await TestListener.serving(engine) {
            $0.listener.drainTimeout = .milliseconds(50)
        } body: { server in
            try await server.withClient { client in
                async let error = client.inferenceError(.rows([42, 2, 3, 4]))
                try await onThread { gate.waitUntilReached() }
                await server.stop()
                let told = await error
                gate.open()
                return told
            }
        }

        #expect(error?.code == .unavailable)
        #expect(error?.message == "the server is stopping")
    }

    @Test("connections beyond the limit are closed, and there is room again when one ends")
    func connections() async throws {
        try await TestListener.serving {
            $0.listener.limits.connections = 1
        } body: { server in
            try await server.withClient { client in
                _ = try await client.infer(.rows([1, 2]))
                let got = try await onThread { try SocketClient(port: server.port).readToEnd() }
                #expect(got == [])
                _ = try await client.infer(.rows([1, 2]))
            }
            _ = try await server.withClient { try await $0.infer(.rows([1, 2])) }
        }
    }

    @Test("a message that doesn't come in time ends its call")
    func messageTimeout() async throws {
        let error = try await TestListener.serving {
            $0.listener.limits.messageTimeout = .milliseconds(50)
        } body: { server in
            try await server.withClient { client in
                await #expect(throws: RPCError.self) {
                    try await client.grpc.clientStreaming(
                        request: StreamingClientRequest { _ in try await Task.sleep(for: .seconds(3600)) },
                        // Of no known kind, so that the client sends the headers by themselves.
                        descriptor: MethodDescriptor(
                            fullyQualifiedService: "inference.GRPCInferenceService", method: "ModelInfer"),
                        serializer: ProtobufSerializer<Inference_ModelInferRequest>(),
                        deserializer: ProtobufDeserializer<Inference_ModelInferResponse>(), options: .defaults
                    ) { _ = try $0.message }
                }
            }
        }

        #expect(error?.code == .deadlineExceeded)
        #expect(error?.message == "the message didn't come in time")
    }

    @Test("TLS with a certificate from files; new files count for new connections")
    func tls() async throws {
        @Sendable func shell(_ command: String) async throws -> Program.Result {
            try await Program("/bin/sh", ["-c", command]).run()
        }
        let folder = try TemporaryFolder()
        for name in ["1", "2"] {
            let made = try await shell(
                """
                cd \(folder.path) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                -subj /CN=\(name) -addext subjectAltName=IP:127.0.0.1 -set_serial \(name) -keyout \(name).key \
                -out \(name).pem 2>&1
                """)
            #expect(made.status == 0, "\(made.output)")
        }
        @Sendable func use(_ name: String) async throws {
            _ = try await shell("cd \(folder.path) && cp \(name).pem c.pem && cp \(name).key k.pem")
        }
        @Sendable func serial(_ port: Int) async throws -> String {
            try await shell(
                "openssl s_client -connect 127.0.0.1:\(port) -alpn h2 </dev/null 2>/dev/null | openssl x509 -noout -serial"
            ).output
        }
        try await use("1")
        try await TestListener.serving {
            $0.deployment.batching.maxRows = 100_000
            $0.listener.tls = TLSFiles(certificate: folder.path + "/c.pem", key: folder.path + "/k.pem")
        } body: { server in
            let security = HTTP2ClientTransport.Posix.TransportSecurity.tls {
                $0.trustRoots = .certificates([.file(path: folder.path + "/1.pem", format: .pem)])
                $0.serverCertificateVerification = .noHostnameVerification
            }
            try await server.withClient(security: security) { client in
                _ = try await client.infer(.rows([1, 2]))
                #expect(try await serial(server.port) == "serial=01\n")

                try await use("2")
                try await server.listener.reload()
                #expect(try await serial(server.port) == "serial=02\n")
                // More than a record of TLS holds, and together more than the socket does.
                let values = [Float](repeating: 1.5, count: 200_000)
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            try await client.infer(.rows(values)).rawOutputContents.map(\.floats) == [values]
                        }
                    }
                    for try await isSame in group { #expect(isSame) }
                }

                try folder.write("nonsense", to: "c.pem")
                let error = await #expect(throws: HTTPServerError.self) { try await server.listener.reload() }
                #expect(error?.description == "\(folder.path)/c.pem: it isn't a PEM file")
                #expect(try await serial(server.port) == "serial=02\n")
            }
        }
    }
}
