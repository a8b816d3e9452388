import Logging
import MantaCore
import MantaGateway
import MantaGatewayTestKit
import MantaHTTP
import MantaServing
import MantaTestKit
import Synchronization
import Testing

@testable import MantaClient

@Suite("Asking a model", .timeLimit(.minutes(1)))
struct InferenceTests {
    /// The real inference routes over a fake engine's model `m`, `x: [-1, 2]` to `y: [-1, 2]`, the identity.
    private static func asking<Result: Sendable>(
        _ body: @Sendable (ServerConnection) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let engine = FakeEngine { inputs in inputs.compactMap(\.self) }
        let catalog = ModelCatalog(environment: .init(engine: engine, logger: logger))
        catalog.apply([
            WantedDeployment(
                configuration: DeploymentConfiguration(name: "m"),
                versions: [VersionSpec(number: 3, path: "", hash: "")], scale: .pinned(1))
        ])
        let plane = try await DataPlane.test(over: catalog)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await catalog.run() }
            _ = try await catalog.deployment("m").settled(within: .seconds(30))
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(
                    try await serving {
                        InferenceRoutes(plane).register(in: &$0)
                    } body: { url in
                        try await ServerConnection.open(ConnectionSettings(url: url), body)
                    })
            } catch {
                result = .failure(error)
            }
            catalog.stop()
            try await group.waitForAll()
            return try result.get()
        }
    }

    /// A file that comes in pieces of this size.
    private static func source(_ text: String, piece: Int = 1000) -> ByteSource {
        let rest = Mutex(Array(text.utf8)[...])
        return ByteSource(name: "in") {
            rest.withLock { rest in
                defer { rest = rest.dropFirst(piece) }
                return Array(rest.prefix(piece))
            }
        }
    }

    private static func ask(
        _ text: String, form: ResultPrinter.Form = .table, model: String = "m", version: Int? = nil
    ) async throws -> String {
        let paper = Paper()
        try await asking { server in
            _ = try await Inference(server: server, model: model, version: version).run(
                source(text), form: form, on: paper.screen())
        }
        return paper.text
    }

    @Test("a JSON list is answered with a table, with CSV or with the server's document")
    func forms() async throws {
        let rows = "[[1, -2.5], [0.1, 300]]"

        #expect(try await Self.ask(rows) == "y[0]  y[1]\n   1  -2.5\n 0.1   300\n")
        #expect(try await Self.ask(rows, form: .csv) == "y[0],y[1]\n1,-2.5\n0.1,300\n")
        #expect(
            try await Self.ask(rows, form: .json, version: 3)
                == #"{"model_name":"m","model_version":"3","outputs":"#
                + #"[{"name":"y","datatype":"FP32","shape":[2,2],"data":[1,-2.5,0.1,300]}]}"# + "\n")
    }

    @Test("a whole request is sent as it is")
    func request() async throws {
        let text = #"{"id": "a", "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [NaN, 1]}]}"#

        #expect(try await Self.ask(text, form: .csv) == "y[0],y[1]\nNaN,1\n")
    }

    @Test("rows of CSV go out 64 at a time and come back in their order", arguments: [1, 63, 64, 65, 1000])
    func batches(count: Int) async throws {
        let numbers = (0..<count).map { "\($0),\($0 * 2)\n" }.joined()

        #expect(try await Self.ask("a,b\n" + numbers, form: .csv) == "y[0],y[1]\n" + numbers)
    }

    @Test("at most 4 requests are under way at a time, and nothing is read long before it is needed")
    func concurrency() async throws {
        let counts = Mutex((ongoing: 0, most: 0, read: 0, mostAhead: 0, answered: 0))
        try await serving {
            $0.on(.get, "/v2/models/m") { _ in
                .document(#"{"name":"m","inputs":[{"name":"x","datatype":"INT64","shape":[-1,1]}],"outputs":[]}"#)
            }
            $0.on(.post, "/v2/models/m/infer") { _ in
                counts.withLock {
                    $0.ongoing += 1
                    $0.most = max($0.most, $0.ongoing)
                }
                for _ in 0..<50 { await Task.yield() }
                counts.withLock {
                    $0.ongoing -= 1
                    $0.answered += 1
                }
                return .document(#"{"outputs":[{"name":"y","datatype":"INT64","shape":[1],"data":[7]}]}"#)
            }
        } body: { url in
            // Each piece is a request's worth.
            let piece = Array(repeating: "1\n", count: 64).joined()
            let source = ByteSource(name: "in") {
                counts.withLock {
                    $0.read += 1
                    $0.mostAhead = max($0.mostAhead, $0.read - $0.answered)
                    return $0.read > 40 ? [] : Array(piece.utf8)
                }
            }
            try await ServerConnection.open(ConnectionSettings(url: url)) { server in
                _ = try await Inference(server: server, model: "m").run(source, form: .csv, on: Paper().screen())
            }
        }

        let seen = counts.withLock { $0 }
        #expect(seen.answered == 40)
        #expect(seen.most <= Inference.maxOngoing && seen.most > 1)
        #expect(seen.mostAhead <= Inference.maxOngoing + 3)
    }

    @Test("what the server finds wrong is told with the file and its lines")
    func faults() async throws {
        let wrong = await failure { _ = try await Self.ask("[[1, 2, 3]]") }
        #expect(wrong?.kind == .data)
        #expect(wrong?.message.hasPrefix("in: input \"x\"") == true, "\(wrong?.message ?? "")")

        let range = await failure { _ = try await Self.ask("1,2\n3,4\n5,1e300\n") }
        #expect(range?.message.hasPrefix("in:1-3: ") == true, "\(range?.message ?? "")")

        let nobody = await failure { _ = try await Self.ask("1,2\n", model: "nobody") }
        #expect(nobody == ClientError(.unavailable, "model \"nobody\" is not found"))

        let nothing = await failure { _ = try await Self.ask(" \n") }
        #expect(nothing == ClientError(.data, "in: expected JSON or CSV, found nothing"))

        let cell = await failure { _ = try await Self.ask("a,b\n1,2\n3,x\n") }
        #expect(cell == ClientError(.data, "in:3: column 2 (b): expected a value of type FP32, found \"x\""))
    }

    @Test("where the time went is told by the client and by the server")
    func timing() async throws {
        let text = try await Self.asking { server in
            try await Inference(server: server, model: "m").run(
                Self.source("1,2\n3,4\n"), form: .csv, on: Paper().screen()
            ).text
        }

        let lines = text.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("2 rows in 1 request, ") == true)
        #expect(
            lines.last?.wholeMatch(
                of: #/of that in the server, on average: queue .+ ms, batch .+ ms, run .+ ms, total .+ ms/#) != nil,
            "\(text)")
    }

    @Test("outputs of every form are shown: text, large numbers, long rows, different numbers of rows")
    func outputs() throws {
        let url = try ServerURL.test(port: 1)
        func show(_ outputs: String, _ form: ResultPrinter.Form, times: Int = 1) throws -> String {
            let paper = Paper()
            var printer = ResultPrinter(form: form, screen: paper.screen())
            for _ in 0..<times {
                _ = try printer.show(
                    ServerReply(status: 200, timing: nil, body: Array("{\"outputs\": [\(outputs)]}".utf8)), from: url)
            }
            return paper.text
        }
        let label = #"{"name": "label", "shape": [2], "datatype": "BYTES", "data": ["a,\"b\"", "c\u001b"]}"#
        let id = #"{"name": "id", "shape": [2, 1], "datatype": "UINT64", "data": [18446744073709551615, 7]}"#
        let flag = #"{"name": "flag", "shape": [1], "datatype": "BOOL", "data": [true]}"#
        let long = (0..<20).map(String.init).joined(separator: ",")

        let rows = "a,\"b\"    18446744073709551615\nc\\u{1B}                     7\n"
        #expect(
            try show("\(label), \(id)", .table, times: 2)
                == "label" + String(repeating: " ", count: 22) + "id\n" + rows + rows)
        #expect(
            try show("\(label), \(id)", .csv, times: 2)
                == "label,id\n\"a,\"\"b\"\"\",18446744073709551615\nc\u{1B},7\n"
                + "\"a,\"\"b\"\"\",18446744073709551615\nc\u{1B},7\n")
        #expect(
            try show("\(id), \(flag)", .table)
                == "                  id\n18446744073709551615\n                   7\n\nflag\ntrue\n")
        #expect(throws: ClientError.self) { try show("\(id), \(flag)", .csv) }
        #expect(
            try show(#"{"name": "y", "shape": [1, 20], "datatype": "FP32", "data": [\#(long)]}"#, .table)
                .hasSuffix(" 15  …\n"))
        #expect(throws: ClientError.self) {
            try show(#"{"name": "y", "shape": [3], "datatype": "FP32", "data": [1]}"#, .table)
        }
        #expect(throws: ClientError.self) {
            try show(#"{"name": "y", "shape": [1, -3, 9223372036854775807], "datatype": "FP32", "data": [1]}"#, .table)
        }
    }
}
