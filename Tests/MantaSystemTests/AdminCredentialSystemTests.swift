import Foundation
import MantaTestKit
import Testing

@Suite("Who may ask", .timeLimit(.minutes(5)))
struct AdminCredentialSystemTests {
    private static let operate = "4fJq0uC1x2nU8tY6eR3sWw"
    private static let infer = "9d41b7c0a85e4f6f"
    private static let body =
        #"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}"#

    /// A folder with a configuration whose listeners ask for tokens.
    private static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try write("deploy: \(operate)\n", to: "operators.txt", in: folder)
        try write("# clients\n\(infer)\n", to: "clients.txt", in: folder)
        try folder.write(
            "http: {credentials: clients.txt}\nadmin: {credentials: operators.txt}\n", to: "manta.yaml")
        return folder
    }

    /// Writes a file that nobody else may read.
    private static func write(_ text: String, to name: String, in folder: TemporaryFolder) throws {
        try folder.write(text, to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder.path)/\(name)")
    }

    private static func bearer(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

    @Test("operators and clients need tokens of their own listener; probes and the console's page need none")
    func tokens() async throws {
        let folder = try Self.folder()
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml", fixture("identity_fp32")])

        try await onThread { () throws in
            func status(_ path: String, _ token: String?, port: Int, body: String? = nil) throws -> Int {
                let client = try InferenceClient(port: port)
                let reply = try client.request(
                    body == nil ? "GET" : "POST", path, headers: token.map(Self.bearer) ?? [], body: body)
                if reply.status == 401 { #expect(reply["WWW-Authenticate"]?.hasPrefix("Bearer") == true) }
                return reply.status
            }
            for path in ["/admin/v1/status", "/admin/v1/deployments", "/admin/v1/events", "/metrics", "/v2"] {
                #expect(try status(path, nil, port: server.adminPort) == 401, "\(path)")
                #expect(try status(path, Self.infer, port: server.adminPort) == 401, "\(path)")
                #expect(try status(path, Self.operate, port: server.adminPort) == 200, "\(path)")
            }
            for path in ["/", "/console/console.js", "/openapi.json", "/v2/health/live", "/v2/health/ready"] {
                #expect(try status(path, nil, port: server.adminPort) == 200, "\(path)")
            }
            let route = "/v2/models/identity_fp32/infer"
            #expect(try status(route, nil, port: server.port, body: Self.body) == 401)
            #expect(try status(route, Self.operate, port: server.port, body: Self.body) == 401)
            #expect(try status(route, Self.infer, port: server.port, body: Self.body) == 200)
        }
    }

    @Test("SIGHUP reads the tokens again; a file that is wrong changes nothing and is told")
    func reload() async throws {
        let folder = try Self.folder()
        let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml", fixture("identity_fp32")])
        func status(_ token: String) async throws -> Int {
            try await onThread {
                try AdminClient(server).reply("GET", "/admin/v1/status", headers: Self.bearer(token)).status
            }
        }

        try Self.write("deploy: 0123456789abcdef\n", to: "operators.txt", in: folder)
        server.signal(SIGHUP)
        #expect(await server.logContains("what=\"files were read again\""))
        #expect(try await status(Self.operate) == 401)
        #expect(try await status("0123456789abcdef") == 200)

        try Self.write("deploy: short\n", to: "operators.txt", in: folder)
        server.signal(SIGHUP)
        #expect(await server.logContains("what=\"files were read again: \(folder.path)/operators.txt:1"))
        #expect(try await status("0123456789abcdef") == 200)
    }

    @Test(
        "the admin listener isn't opened to other machines without tokens: exit code 78, and `manta check` says so too")
    func exposure() async throws {
        let folder = try TemporaryFolder()
        try folder.write("admin: {listen: \"0.0.0.0:0\"}\n", to: "manta.yaml")
        let words = "without credentials, and whoever reaches it can change what is served"

        let served = try await Tool.run(
            ServerProcess.binary.path,
            ["serve", "--http", "127.0.0.1:0", "--grpc", "off", "--admin", "0.0.0.0:0", fixture("identity_fp32")])
        let checked = try await Tool.run(ServerProcess.binary.path, ["check", "\(folder.path)/manta.yaml"])

        #expect(served.status == 78, "\(served.output)")
        #expect(served.output.contains(words), "\(served.output)")
        #expect(checked.status == 78, "\(checked.output)")
        #expect(checked.output.contains(words), "\(checked.output)")
    }

    @Test("a page of another site can't make an operator's browser change anything")
    func browsers() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])
        let path = "/admin/v1/deployments/identity_fp32/scale"
        let scale = #"{"replicas": 1}"#

        try await onThread {
            let own = "Origin: http://localhost"
            for (headers, status) in [
                ([], 200), ([own], 200), (["Origin: http://evil.example"], 403), (["Origin: null"], 403),
                (["Sec-Fetch-Site: cross-site"], 403), (["Sec-Fetch-Site: same-site"], 403),
            ] {
                let reply = try AdminClient(server).reply("POST", path, scale, headers: headers)
                #expect(reply.status == status || status == 200 && reply.status == 202, "\(headers): \(reply.text)")
            }
            for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                let reply = try InferenceClient(port: server.adminPort).request(
                    "POST", path, headers: ["Content-Type: \(type)"], body: scale)
                #expect(reply.status == 415, "\(type): \(reply.text)")
            }
            for (host, status) in [("evil.example", 421), ("127.0.0.1", 200), ("[::1]", 200)] {
                let client = try SocketClient(port: server.adminPort)
                try client.send("GET /admin/v1/status HTTP/1.1\r\nHost: \(host):\(server.adminPort)\r\n\r\n")
                #expect(try client.reply().status == status, "\(host)")
            }
            #expect(try AdminClient(server).deployment("identity_fp32").scale.replicas.number == 1)
        }
    }
}
