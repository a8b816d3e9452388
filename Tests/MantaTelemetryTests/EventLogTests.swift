import Logging
import MantaTelemetry
import MantaTestKit
import Synchronization
import Testing

@Suite("Event log", .timeLimit(.minutes(1)))
struct EventLogTests {
    @Test("events are kept with rising ids, the time of day and what they are about")
    func eventsAreKept() {
        let events = EventLog(logger: silent, now: { Timestamp(milliseconds: 1_764_015_031_201) })

        events.record(.server, "started")
        events.record(.replica, "replica 1 is ready", deployment: "digits", version: 1, severity: .warning)

        let kept = events.events()
        #expect(kept.map(\.id) == [1, 2])
        #expect(kept[1].at.description == "2025-11-24T20:10:31.201Z")
        #expect(kept[1].deployment == "digits" && kept[1].version == 1 && kept[1].kind == .replica)
        #expect(kept[1].severity == .warning && kept[1].message == "replica 1 is ready")
    }

    @Test("only the last so many are kept")
    func oldestGo() {
        let events = log(capacity: 3, count: 5)
        #expect(events.events().map(\.id) == [3, 4, 5])
        #expect(events.events(after: 1).map(\.id) == [3, 4, 5])
        #expect(events.events(after: 4).map(\.id) == [5])
        #expect(events.events(after: 5) == [])
    }

    @Test("an id of an earlier process leaves out nothing")
    func idsOfAnEarlierProcess() async {
        let events = log(capacity: 3, count: 2)
        var follower = events.follow(after: 500).makeAsyncIterator()
        #expect(events.events(after: 500).map(\.id) == [1, 2])
        #expect([await follower.next()?.id, await follower.next()?.id] == [1, 2])
    }

    @Test("a follower gets what it hasn't seen, then what comes")
    func followerResumes() async {
        let events = log(capacity: 10, count: 4)
        var follower = events.follow(after: 2).makeAsyncIterator()

        let missed = [await follower.next()?.id, await follower.next()?.id]
        events.record(.server, "later")

        #expect(missed == [3, 4])
        #expect(await follower.next()?.message == "later")
    }

    @Test("a follower that is slower than the ring is told how many events it missed, once")
    func slowFollowerIsTold() async {
        let events = log(capacity: 3, count: 1)
        var follower = events.follow().makeAsyncIterator()
        #expect(await follower.next()?.id == 1)

        for number in 2...9 { events.record(.server, "\(number)") }

        let gap = await follower.next()
        #expect(gap?.id == 6 && gap?.severity == .warning)
        #expect(gap?.message == "5 events are no longer kept, and missing here")
        #expect([await follower.next()?.id, await follower.next()?.id, await follower.next()?.id] == [7, 8, 9])
    }

    @Test("a follower that hasn't read anything yet is told too")
    func followerBeforeItsFirstEventIsTold() async {
        let events = EventLog(capacity: 3, logger: silent)
        var follower = events.follow().makeAsyncIterator()
        for number in 1...4 { events.record(.server, "\(number)") }
        #expect(await follower.next()?.message == "1 event is no longer kept, and missing here")
        #expect(await follower.next()?.id == 2)
    }

    @Test("a follower whose task is cancelled ends, also while it waits", arguments: 1...20)
    func cancelEnds(_: Int) async {
        let events = log(capacity: 10, count: 1)
        let (progress, reports) = AsyncStream.makeStream(of: UInt64.self)
        let task = Task {
            var count = 0
            for await event in events.follow() {
                count += 1
                reports.yield(event.id)
            }
            return count
        }
        var follower = progress.makeAsyncIterator()
        #expect(await follower.next() == 1)

        task.cancel()

        #expect(await task.value == 1)
    }

    @Test("each event is one line of the log: a constant message, the rest as metadata, at its severity's level")
    func eventsAreLogged() {
        let lines = LogLines()
        let events = EventLog(logger: Logger(label: "test") { _ in lines.handler() })

        events.record(.version, "can't be loaded: no such file", deployment: "digits", version: 2, severity: .error)

        #expect(
            lines.all == [
                "error Event event.id=1 kind=version model=digits version=2 what=can't be loaded: no such file"
            ])
    }

    /// Many record and many follow at the same time. Each follower must see each id once and in order.
    @Test(
        "every follower sees every event once and in order, whatever the threads do",
        arguments: 1...20 as ClosedRange<UInt64>)
    func everyFollowerSeesEverything(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        let recorders = Int.random(in: 1...8, using: &random)
        let each = Int.random(in: 1...60, using: &random)
        let total = UInt64(recorders * each)
        let starts = (0..<8).map { _ in UInt64.random(in: 0...5, using: &random) }
        let events = EventLog(capacity: Int(total), logger: silent)

        await withTaskGroup { group in
            for start in starts {
                let stream = events.follow(after: start == 0 ? nil : min(start, total))
                group.addTask {
                    var seen: [UInt64] = []
                    for await event in stream {
                        seen.append(event.id)
                        if event.id == total { break }
                    }
                    return (start, seen)
                }
            }
            for recorder in 0..<recorders {
                group.addTask {
                    for number in 0..<each {
                        events.record(.replica, "\(recorder).\(number)")
                        if number % 7 == recorder { await Task.yield() }
                    }
                    return (0, [])
                }
            }
            for await (start, seen) in group where !seen.isEmpty {
                // Whoever began at an id that wasn't there yet may have got the events before it too.
                let first = seen[0]
                #expect(first <= min(start, total) + 1, "seed \(seed)")
                #expect(seen == Array(first...total), "seed \(seed)")
            }
        }
        #expect(Set(events.events().map(\.message)).count == Int(total), "seed \(seed)")
    }

    private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func log(capacity: Int, count: Int) -> EventLog {
        let events = EventLog(capacity: capacity, logger: silent)
        for number in 1...count { events.record(.server, "\(number)") }
        return events
    }
}

/// What was logged, as `level message key=value`.
private final class LogLines: Sendable {
    private struct Handler: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        let lines: LogLines

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = ([event.level.rawValue, "\(event.message)"] + pairs).joined(separator: " ")
            lines.lines.withLock { $0.append(line) }
        }
    }

    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func handler() -> any LogHandler { Handler(lines: self) }
}
