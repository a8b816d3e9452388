import Logging
import MantaCore
import MantaGateway
import MantaTelemetry
import MantaTestKit
import Testing

@Suite("Log and trace settings", .timeLimit(.minutes(1)))
struct SettingsTests {
    @Test("log settings act on the running logger, each level on its own")
    func logLevels() throws {
        let filter = LogFilter(from: .info)
        let logs = LogSettings(filter: filter, allowsClients: true)
        #expect(
            logs.settings == [
                "log_file": .string(""), "log_info": .bool(true), "log_warning": .bool(true), "log_error": .bool(true),
                "log_verbose_level": .integer(0), "log_format": .string("ISO8601"),
            ])

        try logs.update(["log_info": .bool(false)])
        #expect(filter.lowest == .warning)
        try logs.update(["log_warning": .bool(false)])
        #expect(filter.lowest == .error)
        try logs.update(["log_verbose_level": .integer(7), "log_info": .bool(true)])
        #expect(filter.lowest == .trace && !filter.allows(.warning))
        #expect(logs.settings["log_verbose_level"] == .integer(7))
        try logs.update(["log_verbose_level": .integer(1), "unheard_of": .bool(true)])
        #expect(filter.lowest == .debug)
        try logs.update(["log_verbose_level": .integer(0), "log_error": .bool(false), "log_info": .bool(false)])
        #expect(filter.lowest == .critical)
    }

    @Test(
        "what can't be set is refused by name, and nothing else is set then",
        arguments: [
            ("log_info", .integer(1), "log_info: expected true or false, got 1"),
            ("log_verbose_level", .integer(-1), "log_verbose_level: expected an integer of at least 0, got -1"),
            ("log_verbose_level", .bool(true), "log_verbose_level: expected an integer of at least 0, got true"),
            (
                "log_file", .string("/tmp/x"),
                #"log_file: expected "", since Manta logs to standard error: redirect that, got "/tmp/x""#
            ),
            (
                "log_format", .string("default"),
                #"log_format: expected "ISO8601", since that is how the times of lines are written, got "default""#
            ),
        ] as [(String, LogSettings.Value, String)])
    func refusedLogSettings(name: String, value: LogSettings.Value, message: String) {
        let filter = LogFilter()
        let logs = LogSettings(filter: filter, allowsClients: true)

        #expect { try logs.update([name: value, "log_error": .bool(false)]) } throws: {
            ($0 as? ServingError)?.message == message && ($0 as? ServingError)?.code == .invalidRequest
        }
        #expect(filter.allows(.error))
    }

    @Test("only operators may change settings, unless clients may control models", arguments: [false, true])
    func access(forOperators: Bool) async throws {
        let statuses = try await withServer(over: echo, forOperators: forOperators) { client in
            try ["/v2/logging", "/v2/trace/setting", "/v2/models/m/trace/setting"].flatMap { path in
                [
                    try client.request("GET", path).status,
                    try client.request(
                        "POST", path, headers: ["Content-Type: application/json"], body: Array("{}".utf8)
                    ).status,
                ]
            }
        }
        let open = try await withServer(over: echo, allowsModelControl: true) {
            try $0.request("POST", "/v2/logging", body: Array(#"{"log_info":false}"#.utf8))
        }

        let change = forOperators ? 200 : 403
        #expect(statuses == [200, change, 200, change, 200, change])
        #expect(open.status == 200)
        #expect(
            open.text == #"{"log_error":true,"log_file":"","log_format":"ISO8601","log_info":false,"#
                + #""log_verbose_level":0,"log_warning":true}"#)
    }

    @Test("a client is told who may change settings")
    func refusal() async throws {
        let reply = try await withServer(over: echo) {
            try $0.request("POST", "/v2/logging", body: Array(#"{"log_info":false}"#.utf8))
        }

        #expect(reply.status == 403)
        #expect(
            reply.text == #"{"error":"clients may not change what is logged here: ask the admin listener, "#
                + #"or start Manta with --allow-model-control"}"#)
    }

    @Test("trace settings of a model fall back to the server's, and null takes them back")
    func traceFallback() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/trace.json"
        let log = try TraceLog(path: path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let traces = TraceSettings(log: log, allowsClients: true)
        let first = [
            "trace_level": ["OFF"], "trace_rate": ["1000"], "trace_count": ["-1"], "log_frequency": ["0"],
            "trace_file": [path], "trace_mode": ["triton"],
        ]
        #expect(traces.settings(of: nil) == first && traces.settings(of: "m") == first)

        try traces.update(["trace_rate": ["5"], "trace_level": ["TENSORS", "TIMESTAMPS"]], of: nil)
        try traces.update(["trace_rate": ["7"], "trace_file": [path]], of: "m")
        #expect(traces.settings(of: "m")["trace_rate"] == ["7"])
        #expect(traces.settings(of: "m")["trace_level"] == ["TIMESTAMPS", "TENSORS"])
        #expect(traces.settings(of: "n")["trace_rate"] == ["5"])

        try traces.update(["trace_rate": nil], of: "m")
        #expect(traces.settings(of: "m")["trace_rate"] == ["5"])
        try traces.update(["trace_rate": nil, "trace_level": nil], of: nil)
        #expect(traces.settings(of: nil) == first)
    }

    @Test(
        "trace settings that can't be are refused by name",
        arguments: [
            (
                "trace_level", ["TIMESTAMPS", "OFF"],
                #"expected OFF, or TIMESTAMPS, TENSORS or both, got "TIMESTAMPS", "OFF""#
            ),
            ("trace_level", [], "expected OFF, or TIMESTAMPS, TENSORS or both, got "),
            ("trace_level", ["TIMESTAMPS"], "traces have no place to go; start Manta with --trace-file FILE"),
            ("trace_rate", ["0"], #"expected an integer of at least 1, got "0""#),
            ("trace_count", ["-2"], #"expected an integer of at least -1, got "-2""#),
            ("log_frequency", ["often"], #"expected an integer of at least 0, got "often""#),
            ("trace_file", ["/tmp/x"], "only the option --trace-file of manta serve sets it"),
            ("trace_mode", ["opentelemetry"], #"expected "triton", got "opentelemetry""#),
            (
                "trace_levels", ["OFF"],
                "there is no such setting; there are trace_level, trace_rate, trace_count and log_frequency"
            ),
        ])
    func refusedTraceSettings(name: String, values: [String], message: String) {
        let traces = TraceSettings(allowsClients: true)

        #expect { try traces.update([name: values], of: nil) } throws: {
            ($0 as? ServingError)?.message == "\(name): \(message)"
        }
    }
}
