import Foundation
import MantaTestKit
import Testing

/// A request that is meant to do harm, and what it gets.
private struct HostileRequest: Sendable {
    let name: String
    var headers: [String] = []
    let body: [UInt8]
    var status = 400
    /// Some of the message.
    let message: String

    /// A request in JSON, with binary tensors behind it if there are any.
    static func json(
        _ name: String, _ json: String, binary: [UInt8]? = nil, message: String
    ) -> HostileRequest {
        let headers = binary.map { _ in ["Inference-Header-Content-Length: \(json.utf8.count)"] } ?? []
        return HostileRequest(
            name: name, headers: headers, body: Array(json.utf8) + (binary ?? []), message: message)
    }

    /// A request with one input `x` of these members.
    static func input(
        _ name: String, _ members: String, binary: [UInt8]? = nil, message: String
    ) -> HostileRequest {
        json(name, #"{"inputs":[{"name":"x",\#(members)}]}"#, binary: binary, message: message)
    }
}

@Suite("Hostile input", .timeLimit(.minutes(5)))
struct HostileInputTests {
    private static let tooDeep = "nested more than 100 deep"

    private static func nested(_ opening: String, _ closing: String = "") -> String {
        String(repeating: opening, count: 100_000) + String(repeating: closing, count: 100_000)
    }

    private static let requests: [HostileRequest] = [
        .json("arrays nested 100,000 deep", "{\"a\":\(nested("["))", message: tooDeep),
        .json("arrays nested 100,000 deep and closed", "{\"a\":\(nested("[", "]"))}", message: tooDeep),
        .json("objects nested 100,000 deep", "{\"a\":\(nested("{\"a\":"))", message: tooDeep),
        .input(
            "data nested 100,000 deep", #""shape":[1,2],"datatype":"FP32","data":\#(nested("[", "]"))"#,
            message: tooDeep),
        .input(
            "a shape whose size in elements overflows",
            #""shape":[1099511627776,1099511627776],"datatype":"FP32","data":[1]"#,
            message: "input \"x\": shape [1099511627776, 1099511627776] has more elements than can be counted"),
        .input(
            "a shape whose size in bytes overflows",
            #""shape":[2305843009213693952],"datatype":"FP64","parameters":{"binary_data_size":0}"#, binary: [],
            message: "FP64 [2305843009213693952] takes more bytes than can be counted"),
        .input(
            "a shape far beyond the data", #""shape":[1000000000,2],"datatype":"FP32","data":[1,2]"#,
            message: "shape [1000000000, 2] has 2000000000 elements, but data has 2"),
        .input(
            "a binary size beyond the body",
            #""shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":9223372036854775807}"#,
            binary: [1, 2, 3, 4], message: "input \"x\": "),
        .json(
            "binary sizes whose sum overflows",
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}},"#
                + #"{"name":"y","shape":[1],"datatype":"UINT8","#
                + #""parameters":{"binary_data_size":9223372036854775807}}]}"#,
            binary: [1], message: "input \"y\": "),
        .input(
            "a string longer than the body",
            #""shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}"#,
            binary: [0xFF, 0xFF, 0xFF, 0xFF, 65, 66], message: "its 6 bytes aren't 1 BYTES elements"),
        .input(
            "bytes that no tensor accounts for", #""shape":[1,2],"datatype":"FP32","data":[1,2]"#,
            binary: [UInt8](repeating: 0, count: 1_000_000), message: "1000000 bytes follow the JSON"),
        HostileRequest(
            name: "a header beyond the body", headers: ["Inference-Header-Content-Length: 1000000000"],
            body: Array("{}".utf8), message: "header Inference-Header-Content-Length: expected 0 to 2"),
        HostileRequest(
            name: "a header whose number overflows",
            headers: ["Inference-Header-Content-Length: 99999999999999999999"], body: Array("{}".utf8),
            message: "header Inference-Header-Content-Length: expected a number of bytes"),
        HostileRequest(
            name: "a raw body that fits no shape", headers: ["Inference-Header-Content-Length: 0"],
            body: [1, 2, 3], message: "the body's 3 bytes aren't FP32"),
        .json(
            "a name of a megabyte", #"{"inputs":[{"name":"\#(String(repeating: "x", count: 1_000_000))"}]}"#,
            message: "xx\": shape is missing"),
        HostileRequest(
            name: "what isn't gzip", headers: ["Content-Encoding: gzip"], body: Array("plain".utf8),
            message: "the body isn't gzip"),
    ]

    @Test("a hostile request is refused in a few words, and the next request is answered")
    func refused() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        try await onThread {
            for request in Self.requests {
                let reply = try SocketClient(port: server.port).request(
                    "POST", Self.path, headers: request.headers, body: request.body)

                #expect(reply.status == request.status, "\(request.name): \(reply.text.prefix(300))")
                let message = try JSONDecoder().decode([String: String].self, from: Data(reply.body))["error"] ?? ""
                #expect(message.contains(request.message), "\(request.name): \(message.prefix(300))")
                #expect(message.utf8.count < 4096, "\(request.name)")
                try Self.expectAnswer(from: server)
            }
        }
        #expect(try server.peakMemory < 300 << 20)
    }

    @Test("a gzip bomb is 413, with bounded memory")
    func gzipBomb() async throws {
        let folder = try TemporaryFolder()
        let made = try await Tool.run(
            "/bin/sh", ["-c", "head -c 300000000 /dev/zero | gzip -1 > '\(folder.path)/bomb'"])
        #expect(made.status == 0, "\(made.output)")
        let bomb = Array(try Data(contentsOf: URL(filePath: "\(folder.path)/bomb")))
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        try await onThread {
            for _ in 0..<3 {
                let reply = try SocketClient(port: server.port).request(
                    "POST", Self.path, headers: ["Content-Encoding: gzip"], body: bomb)

                #expect(reply.status == 413)
                #expect(reply.text == #"{"error":"the inflated body is larger than 67108864 bytes"}"#)
                try Self.expectAnswer(from: server)
            }
        }
        // The limit of 64 MiB, twice while the memory for it grows, on a thread or two.
        #expect(try server.peakMemory < 500 << 20)
    }

    @Test("half a million tiny chunks are one body, right or wrong")
    func tinyChunks() async throws {
        let good = #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[0.5,-3]}]}"#
        let padding = String(repeating: " ", count: 500_000 - good.utf8.count)
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        try await onThread {
            for (body, status) in [(String(repeating: "[", count: 500_000), 400), (padding + good, 200)] {
                let chunks = body.utf8.flatMap { Array("1\r\n".utf8) + [$0] + Array("\r\n".utf8) }
                let client = try SocketClient(port: server.port)
                try client.send("POST \(Self.path) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                try client.send(chunks + Array("0\r\n\r\n".utf8))
                let reply = try client.reply()

                #expect(reply.status == status, "\(reply.text)")
                if status == 400 { #expect(reply.text.hasPrefix("{\"error\":\"the body: expected a JSON object")) }
                try Self.expectAnswer(from: server)
            }
        }
        #expect(try server.peakMemory < 300 << 20)
    }

    @Test("a configuration that is larger than its file may be is refused")
    func largeConfiguration() async throws {
        let server = try await ServerProcess.ready([fixture("identity_fp32")])

        try await onThread {
            let admin = try InferenceClient(port: server.adminPort)
            let body = "replicas: 1 " + String(repeating: "#", count: 64 << 10)
            let reply = try admin.request(
                "PUT", "/admin/v1/deployments/identity_fp32", headers: ["Content-Type: application/yaml"], body: body)

            #expect(reply.status == 400)
            #expect(reply.text == #"{"error":"the body is larger than the 64 KiB that it may have"}"#)
            try Self.expectAnswer(from: server)
        }
    }

    private static let path = "/v2/models/identity_fp32/infer"

    /// Expects that a new client gets its answer.
    private static func expectAnswer(from server: ServerProcess) throws {
        let answer = try InferenceClient(port: server.port).infer("identity_fp32", shape: [1, 2], [0.5, -3])
        #expect(answer.outputs.first?.data == [0.5, -3])
    }
}

extension ServerProcess {
    /// The most memory that the process had so far, in bytes.
    fileprivate var peakMemory: Int {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.firstMatch(of: /VmHWM:\s+([0-9]+) kB/))
            return try #require(Int(line.1)) << 10
        }
    }
}
