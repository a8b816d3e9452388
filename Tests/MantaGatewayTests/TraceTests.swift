import Foundation
import Logging
import MantaCore
import MantaGateway
import MantaServing
import MantaTestKit
import MantaTime
import Testing

private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What the tests read of a trace file.
private struct Record: Decodable {
    struct Timestamp: Decodable {
        var name: String
        var ns: Int
    }

    struct Tensor: Decodable, Hashable {
        var name: String
        var data: String
        var shape: String
        var dtype: String
    }

    var id: Int
    var model_name: String?
    var model_version: Int?
    var request_id: String?
    var timestamps: [Timestamp]?
    var activity: String?
    var tensor: Tensor?
}

private func records(_ path: String) throws -> [Record] {
    try JSONDecoder().decode([Record].self, from: Data(contentsOf: URL(filePath: path)))
}

private func infer(_ plane: DataPlane, _ values: [Float] = [1, 2]) async throws {
    try await plane.inference.infer(model: "m", version: nil, started: .now) { _ throws(ServingError) in
        let tensor = Tensor(shape: [1, values.count], values)
        return (InferenceRequest(id: "r", inputs: [NamedTensor("x", tensor)]), InferenceSchedule())
    } encode: { _ throws(ServingError) in
    }
}

/// Runs inferences that may be traced. Returns when all traces are written.
private func tracing(
    to path: String, _ body: @Sendable (DataPlane) async throws -> Void
) async throws {
    let log = try TraceLog(path: path, logger: logger)
    async let life: Void = log.run()
    try await withPlane(over: echo, traces: TraceSettings(log: log, allowsClients: true), body: body)
    log.finish()
    await life
}

@Suite("Traces", .timeLimit(.minutes(1)))
struct TraceTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/trace.json" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a traced request tells when it came to each part of its way")
    func timestamps() async throws {
        try await tracing(to: path) { plane in
            try await infer(plane)
            try plane.traces.update(["trace_level": ["TIMESTAMPS"], "trace_rate": ["1"]], of: nil)
            try await infer(plane)
        }

        let records = try records(path)
        #expect(records.map(\.id) == [1, 1])
        #expect(records[0].model_name == "m" && records[0].model_version == 3 && records[0].request_id == "r")
        let timestamps = try #require(records[1].timestamps)
        #expect(
            timestamps.map(\.name) == [
                "REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_INPUT_END", "COMPUTE_OUTPUT_START",
                "COMPUTE_END", "REQUEST_END",
            ])
        let now = Int(Date().timeIntervalSince1970 * 1e9)
        #expect(timestamps.allSatisfy { $0.ns <= now + 1_000_000_000 && $0.ns > now - 60_000_000_000 })
        #expect(zip(timestamps, timestamps.dropFirst()).allSatisfy { $0.ns <= $1.ns })
    }

    @Test("with tensors, a trace has what went in and came out")
    func tensors() async throws {
        try await tracing(to: path) { plane in
            try plane.traces.update(["trace_level": ["TENSORS"], "trace_rate": ["1"]], of: "m")
            try await infer(plane, [0.5, -3])
        }

        let records = try records(path)
        #expect(records.map(\.activity) == [nil, "TENSOR_QUEUE_INPUT", "TENSOR_BACKEND_OUTPUT"])
        let (input, output) = (try #require(records[1].tensor), try #require(records[2].tensor))
        #expect(input == .init(name: "x", data: "0.5,-3", shape: "1,2", dtype: "FP32"))
        #expect(output == .init(name: "y", data: "0.5,-3", shape: "1,2", dtype: "FP32"))
    }

    @Test("a request that fails is traced as far as it came")
    func failure() async throws {
        try await tracing(to: path) { plane in
            try plane.traces.update(["trace_level": ["TIMESTAMPS"], "trace_rate": ["1"]], of: nil)
            await #expect(throws: ServingError.self) { try await infer(plane, [1, 2, 3]) }
        }

        #expect(try records(path)[1].timestamps?.map(\.name) == ["REQUEST_START", "QUEUE_START", "REQUEST_END"])
    }

    @Test("one in so many is traced, until there were enough")
    func sampling() async throws {
        try await tracing(to: path) { plane in
            try plane.traces.update(
                ["trace_level": ["TIMESTAMPS"], "trace_rate": ["3"], "trace_count": ["2"]], of: nil)
            for _ in 0..<5 { try await infer(plane) }
            #expect(plane.traces.settings(of: nil)["trace_count"] == ["1"])
            for _ in 0..<20 { try await infer(plane) }
            #expect(plane.traces.settings(of: nil)["trace_count"] == ["0"])
        }

        #expect(try records(path).count == 4)
    }

    @Test("a model may be left out, and others have their own rate")
    func models() async throws {
        try await tracing(to: path) { plane in
            try plane.traces.update(["trace_level": ["TIMESTAMPS"], "trace_rate": ["1"]], of: nil)
            try plane.traces.update(["trace_level": ["OFF"]], of: "m")
            try await infer(plane)
            try plane.traces.update(["trace_level": nil, "trace_rate": ["2"]], of: "m")
            for _ in 0..<4 { try await infer(plane) }
        }

        #expect(try records(path).count == 4)
    }

    @Test("a file may be begun anew after so many traces")
    func numberedFiles() async throws {
        try await tracing(to: path) { plane in
            try plane.traces.update(
                ["trace_level": ["TIMESTAMPS"], "trace_rate": ["1"], "log_frequency": ["2"]], of: nil)
            for _ in 0..<3 { try await infer(plane) }
        }

        #expect(try records(path).isEmpty)
        #expect(try records("\(path).0").count == 4)
        #expect(try records("\(path).1").count == 2)
    }

    @Test("a file that can't be written is an error at the start that says so")
    func noFile() {
        #expect { _ = try TraceLog(path: "\(folder.path)/nowhere/trace.json", logger: logger) } throws: {
            ($0 as? ServingError)?.message.hasSuffix("nowhere/trace.json: No such file or directory") == true
        }
    }

    @Test("traces that nobody writes are dropped and counted, and memory stays bounded")
    func dropped() async throws {
        let log = try TraceLog(path: path, logger: logger)
        try await withPlane(over: echo, traces: TraceSettings(log: log, allowsClients: true)) { plane in
            try plane.traces.update(["trace_level": ["TIMESTAMPS"], "trace_rate": ["1"]], of: nil)
            for _ in 0..<1500 { try await infer(plane) }
        }

        #expect(log.dropped == 1500 - 1024)
        async let life: Void = log.run()
        log.finish()
        await life
        #expect(try records(path).count == 2 * 1024)
    }
}
