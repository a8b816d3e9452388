import Foundation
import Logging
import MantaRuntime
import MantaTestKit
import MantaTime
import Testing

@testable import MantaFleet

/// Shell scripts in the workers' place.
@Suite("Workers that are processes of this machine", .timeLimit(.minutes(1)))
struct LocalWorkersTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// So many processes that run a script, each with a file `$log`. They say that they are there once they do this on
    /// SIGTERM.
    private func workers(_ count: Int, _ script: String, onTerm: String = "-", limit: Duration = .seconds(20))
        -> LocalWorkers
    {
        let begin = "log=\(folder.path)/${2#*/}; trap \(onTerm) TERM; echo \"$@\" >>\"$log\"; "
        var settings = LocalWorkers.Settings(
            program: "/bin/sh", arguments: ["-c", begin + script, "worker"], folder: "/state", owner: "front-1")
        (settings.drainTime, settings.endTime) = (limit, limit)
        settings.delays = BackoffDelays(first: .milliseconds(1), longest: .milliseconds(20))
        return LocalWorkers(settings, count: count, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs them beside a body, and ends them after it.
    private func running(_ workers: LocalWorkers, isNeeded: Bool = false, _ body: () async throws -> Void)
        async rethrows
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await workers.run { isNeeded } }
            try await body()
            workers.stop()
        }
    }

    /// Waits until workers with these numbers run and do what they are there for.
    private func wait(for numbers: Range<Int>, of workers: LocalWorkers) async throws {
        while await workers.running != Array(numbers) { try await Task.sleep(for: .milliseconds(5)) }
        for number in numbers { _ = try await lines(number, 1) }
    }

    /// The lines that a worker wrote, once there are so many.
    private func lines(_ number: Int, _ count: Int = 0) async throws -> [Substring] {
        while true {
            let text = (try? String(contentsOfFile: "\(folder.path)/\(number)", encoding: .utf8)) ?? ""
            let lines = text.split(separator: "\n")
            if lines.count >= count { return lines }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private static let patient = "while :; do sleep 0.02; done"
    private static let goodbye = "'echo term >>$log; exit 0'"

    @Test("as many are started as there are to be, each with its number and a folder, and end when they are told to")
    func startAndStop() async throws {
        let workers = workers(2, Self.patient, onTerm: Self.goodbye)
        try await running(workers) {
            try await wait(for: 0..<2, of: workers)
        }

        for number in 0..<2 {
            let begun = "--local-worker front-1/\(number) --state /state/\(number) --drain-timeout 20.0"
            #expect(try await lines(number) == [Substring(begun), "term"])
        }
    }

    @Test("one that ends by itself is started again, however often")
    func again() async throws {
        try await running(workers(1, "exit 3")) {
            _ = try await lines(0, 6)
        }
    }

    @Test("another number starts more, or ends the last ones")
    func count() async throws {
        let workers = workers(1, Self.patient, onTerm: Self.goodbye)
        try await running(workers) {
            try await wait(for: 0..<1, of: workers)
            try await workers.setCount(3, from: 1)
            try await wait(for: 0..<3, of: workers)
            try await workers.setCount(2, from: 3)
            try await wait(for: 0..<2, of: workers)
            #expect(await workers.count() == 2)
            await #expect(throws: NodeProviderError.self) { try await workers.setCount(5, from: 3) }
        }

        for number in 0..<3 {
            let lines = try await lines(number)
            #expect(lines.count == 2 && lines.last == "term")
        }
    }

    @Test("one that doesn't end is told that nobody needs it any more, and is killed after that")
    func stubborn() async throws {
        let began = ContinuousClock.now
        let script = "cat >/dev/null; echo input >>$log; \(Self.patient)"
        let workers = workers(1, script, onTerm: "''", limit: .seconds(1))
        try await running(workers, isNeeded: true) {
            try await wait(for: 0..<1, of: workers)
        }

        #expect(try await lines(0).last == "input")
        #expect(ContinuousClock.now - began >= .seconds(2))
    }

    @Test("a program that isn't there is tried again")
    func noProgram() async throws {
        let workers = LocalWorkers(
            .init(program: "/nowhere/manta", arguments: [], folder: "/state", owner: "x"), count: 1,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await running(workers) { await Task.yield() }
    }

    @Test("a worker is told from others by its label")
    func numbers() async throws {
        func record(_ label: String?) -> NodeRecord {
            NodeRecord(
                id: "w", kind: .worker, capacity: .init(Resources()),
                labels: label.map { ["local-worker": $0] } ?? [:])
        }
        let workers = workers(0, "")
        #expect(workers.number(of: record("front-1/3")) == 3)
        #expect(workers.number(of: record("front-12/3")) == nil)
        #expect(workers.number(of: record(nil)) == nil)
    }
}
