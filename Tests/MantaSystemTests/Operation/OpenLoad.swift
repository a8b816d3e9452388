import Foundation
import MantaTestKit
import Synchronization

/// Sends requests at times that are fixed beforehand, whether or not the replies keep up, as clients do that don't know
/// of each other (an open loop).
///
/// They come in waves, one on each kept-alive connection at once, so that a queue is as full as it can be at the rate.
/// A request whose connection still waits for the one before is late; its wait counts.
///
/// ```swift
/// let load = OpenLoad(port: server.port, requests: requests, perSecond: 0.7 * capacity)
/// let (_, report) = try await load.during { try admin.scale("m", 3) }
/// #expect(report.failed == 0, "\(report)")
/// ```
final class OpenLoad: Sendable {
    /// A request and what tells that its reply is right.
    struct Request: Sendable {
        /// As it goes over the wire.
        let bytes: [UInt8]
        /// What the body of the reply has in it.
        let expected: String
    }

    /// What came of all requests.
    struct Report: Sendable, CustomStringConvertible {
        /// Requests that were to be sent; each was answered rightly, or failed.
        var sent = 0
        /// Those with another status than 200, a wrong answer or no answer, and those that couldn't be sent.
        var failed = 0
        /// Those of the failed that a full queue refused, with 429.
        var refused = 0
        /// Those of the failed whose time was over, with 504.
        var expired = 0
        /// The first of the failures, in words.
        var failures: [String] = []
        /// From the time fixed for a request until its right answer was there.
        var latencies: [Duration] = []
        /// Versions of the model that answered.
        var versions: Set<String> = []

        var description: String {
            let sorted = latencies.sorted()
            let percentiles = [50, 99, 100].filter { _ in !sorted.isEmpty }.map { percentile in
                let latency = sorted[min(sorted.count - 1, sorted.count * percentile / 100)]
                return "p\(percentile) \(Int(latency / .milliseconds(1))) ms"
            }
            let problems = failed == 0 ? "" : ", such as \(failures.joined(separator: "; "))"
            return "\(sent) sent, \(percentiles.joined(separator: ", ")), \(failed) failed\(problems)"
        }

        fileprivate mutating func fail(_ what: String) {
            failed += 1
            if failures.count < 5 { failures.append(what) }
        }

        fileprivate mutating func add(_ other: Report) {
            sent += other.sent
            failed += other.failed
            refused += other.refused
            expired += other.expired
            failures += other.failures.prefix(max(0, 5 - failures.count))
            latencies += other.latencies
            versions.formUnion(other.versions)
        }
    }

    /// How far behind a connection may be at the end; what it couldn't send by then has failed.
    private static let longestLag = Duration.seconds(5)

    private let host: String
    private let port: Int
    private let connections: Int
    private let requests: [Request]
    private let interval: Duration
    private let outlivesServer: Bool
    private let end = Mutex<ContinuousClock.Instant?>(nil)

    /// A load; nothing is sent before ``during(_:)``.
    ///
    /// - Parameters:
    ///   - host: The address at which the server is reached.
    ///   - port: Where it listens.
    ///   - connections: How many connections are kept.
    ///   - requests: What is sent, one after the other, over and over.
    ///   - perSecond: How many, on all connections together.
    ///   - outlivesServer: Whether a connection ends without a failure once the server says so, between two requests.
    init(
        host: String = "127.0.0.1", port: Int, connections: Int = 8, requests: [Request], perSecond: Double,
        outlivesServer: Bool = false
    ) {
        (self.host, self.port) = (host, port)
        self.connections = connections
        self.requests = requests
        self.outlivesServer = outlivesServer
        interval = .seconds(1) * Double(connections) / perSecond
    }

    /// Runs `body`, which may block, under the load.
    ///
    /// - Returns: Its result, and what came of the requests.
    func during<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> (result: Result, report: Report) {
        try await during(steps: { try await onThread(body) })
    }

    /// Runs `steps`, which doesn't block, under the load.
    ///
    /// - Returns: Its result, and what came of the requests.
    func during<Result: Sendable>(
        steps: @Sendable () async throws -> Result
    ) async throws -> (result: Result, report: Report) {
        async let report = run()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await steps())
        } catch {
            result = .failure(error)
        }
        end.withLock { $0 = .now }
        let sum = try await report
        do {
            return (try result.get(), sum)
        } catch {
            throw SocketClient.Failure("\(error); of the load meanwhile: \(sum)")
        }
    }

    /// How many requests a second are answered when each connection sends its next one as soon as it has its reply.
    static func capacity(
        host: String = "127.0.0.1", port: Int, connections: Int = 8, requests: [Request], count: Int
    ) async throws -> Double {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<connections {
                group.addTask {
                    try await onThread {
                        let client = try SocketClient(host: host, port: port)
                        for number in 0..<count / connections {
                            try client.send(requests[(lane + number * connections) % requests.count].bytes)
                            let reply = try client.reply()
                            guard reply.status == 200 else { throw SocketClient.Failure(reply.text) }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return Double(count / connections * connections) / ((ContinuousClock.now - start) / .seconds(1))
    }

    private func run() async throws -> Report {
        // When all connections are there.
        let start = ContinuousClock.now + .milliseconds(50)
        return try await withThrowingTaskGroup(of: Report.self) { group in
            for lane in 0..<connections {
                group.addTask { try await onThread { try self.run(lane, from: start) } }
            }
            return try await group.reduce(into: Report()) { $0.add($1) }
        }
    }

    /// The part of one connection.
    private func run(_ lane: Int, from start: ContinuousClock.Instant) throws -> Report {
        var report = Report()
        var client = try SocketClient(host: host, port: port)
        for wave in 0... {
            let due = start + interval * wave
            let early = due - .now
            if early > .zero { Thread.sleep(forTimeInterval: early / .seconds(1)) }
            if let end = end.withLock(\.self) {
                if due > end { break }
                if .now > end + Self.longestLag {
                    report.sent += 1
                    report.fail("couldn't be sent: the connection was still busy")
                    continue
                }
            }
            if outlivesServer, client.isClosedByServer { break }
            report.sent += 1
            do {
                let request = requests[(lane + wave * connections) % requests.count]
                try client.send(request.bytes)
                let reply = try client.reply()
                if reply.status == 429 { report.refused += 1 }
                if reply.status == 504 { report.expired += 1 }
                if reply.status != 200 {
                    report.fail("\(reply.status) \(reply.text)")
                } else if !reply.text.contains(request.expected) {
                    report.fail("expected \(request.expected), got \(reply.text)")
                } else {
                    report.latencies.append(.now - due)
                    if let version = reply.text.firstMatch(of: /"model_version":"([^"]*)"/) {
                        report.versions.insert(String(version.1))
                    }
                }
                if outlivesServer, reply["Connection"]?.lowercased() == "close" { break }
            } catch {
                report.fail("no reply: \(error)")
                guard let next = try? SocketClient(host: host, port: port) else { break }
                client = next
            }
        }
        return report
    }
}

extension OpenLoad.Request {
    /// An inference by this model.
    init(model: String, inputs: String, expected: String) {
        let body = #"{"inputs":[\#(inputs)]}"#
        self.init(
            bytes: Array(
                "POST /v2/models/\(model)/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    .utf8), expected: expected)
    }

    /// Rows of their own for the models "echo", which give them back.
    static func echoes(of model: String) -> [Self] {
        (0..<97).map { number in
            // Beyond one, where the model that looks its rows up fails.
            let row = (0..<4).map { "\(2 + number * 4 + $0)" }.joined(separator: ",")
            return Self(
                model: model, inputs: #"{"name":"x","shape":[1,4],"datatype":"FP32","data":[\#(row)]}"#,
                expected: #""data":[\#(row)]"#)
        }
    }

    /// Digits that the model recognises, with their labels.
    ///
    /// - Note: Blocks its thread: the model is asked for each once.
    static func digits(of model: String, port: Int) throws -> [Self] {
        let holdout = try Holdout()
        let client = try InferenceClient(port: port)
        let answers = try client.infer(
            model, input: "X", shape: [holdout.labels.count, 64], holdout.pixels.flatMap(\.self))["label"]
        return zip(zip(holdout.labels, answers), holdout.pixels).filter { $0.0.0 == $0.0.1 }.map { labels, pixels in
            let data = pixels.map { "\(Int($0))" }.joined(separator: ",")
            return Self(
                model: model, inputs: #"{"name":"X","shape":[1,64],"datatype":"FP32","data":[\#(data)]}"#,
                expected: #""name":"label","datatype":"INT64","shape":[1],"data":[\#(Int(labels.0))]"#)
        }
    }
}
