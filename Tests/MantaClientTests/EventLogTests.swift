import Synchronization
import Testing

@testable import MantaClient

@Suite("Events", .timeLimit(.minutes(1)))
struct EventLogTests {
    private struct Enough: Error {}

    private static func event(_ id: Int, _ deployment: String = "m") -> String {
        #"{"id": \#(id), "at": "2026-11-24T20:10:31.201Z", "kind": "replica", "deployment": "\#(deployment)", "#
            + #""version": 1, "severity": "info", "message": "replica \#(id) is ready", "new": {"a": null}}"#
    }

    private static func piece(_ id: Int, _ deployment: String = "m") -> String {
        "id: \(id)\nevent: replica\ndata: \(event(id, deployment))\n\n"
    }

    @Test("each event is a line, and those of other deployments are left out")
    func list() async throws {
        let paper = Paper()
        try await AdminServer.run { admin, server in
            admin.set(
                "/admin/v1/events",
                #"{"events": [\#(Self.event(1)), \#(Self.event(2, "other")), {"id": 3, "at": "2026-11-24T20:10:32.000Z", "#
                    + #""kind": "server", "deployment": null, "version": null, "severity": "warning", "#
                    + #""message": "a\u001b[31mb"}]}"#)

            try await EventLog(server: server).list(on: paper.screen())
            try await EventLog(server: server, after: 5, deployment: "other").list(on: paper.screen())
        }

        #expect(
            paper.text == """
                2026-11-24T20:10:31.201Z  info     replica        m/1  replica 1 is ready
                2026-11-24T20:10:31.201Z  info     replica        other/1  replica 2 is ready
                2026-11-24T20:10:32.000Z  warning  server         a\\u{1B}[31mb
                2026-11-24T20:10:31.201Z  info     replica        other/1  replica 2 is ready

                """)
    }

    @Test("following goes on after a lost connection where it was, and waits longer each time")
    func resumes() async throws {
        let paper = Paper()
        let notices = Mutex<[String]>([])
        let waits = Mutex<[Duration]>([])
        let received = try await AdminServer.run { admin, server in
            admin.add(stream: [Self.piece(17), String(Self.piece(18).prefix(20))])  // cut within an event
            admin.add(stream: [": nothing yet\n\n"])
            admin.add(stream: [Self.piece(18), Self.piece(19, "other"), Self.piece(20)])

            await #expect(throws: Enough.self) {
                try await EventLog(server: server, after: 16, deployment: "m").follow(on: paper.screen()) { notice in
                    notices.withLock { $0.append(notice) }
                } pause: { wait in
                    // The stream is used up, and the server says that it stops: once that was seen, it is enough.
                    waits.withLock { $0.append(wait) }
                    if waits.withLock({ $0.count }) == 5 { throw Enough() }
                }
            }
            return admin.received
        }

        #expect(
            paper.text.split(separator: "\n").map { $0.suffix(18) } == [
                "replica 17 is ready".suffix(18), "replica 18 is ready".suffix(18), "replica 20 is ready".suffix(18),
            ])
        #expect(received.map(\.lastEventID) == ["16", "17", "17", "20", "20"])
        #expect(
            notices.withLock { $0 }
                == Array(repeating: "the server ended the stream; trying again", count: 3)
                + Array(repeating: "the server stops; trying again", count: 2))
        let all = waits.withLock { $0 }
        #expect(all[0] <= .milliseconds(250) && all[1] > .milliseconds(300))
        #expect(all[2] <= .milliseconds(250), "an event has come")
        #expect(all[3] > .milliseconds(300) && all[4] > all[3])
    }

    @Test("following says at once if nothing answers, or if the server refuses")
    func refused() async throws {
        try await AdminServer.run { _, server in
            let error = await failure {
                try await EventLog(server: server).follow(on: Paper().screen(), notice: { _ in })
            }
            #expect(error == ClientError(.unavailable, "the server stops"))
        }
    }

    @Test("documents go out as they came, a line each")
    func json() async throws {
        let paper = Paper()
        try await AdminServer.run { admin, server in
            admin.add(stream: [Self.piece(1), Self.piece(2)])

            await #expect(throws: Enough.self) {
                try await EventLog(server: server, isJSON: true).follow(on: paper.screen(), notice: { _ in }) { _ in
                    throw Enough()
                }
            }
        }

        #expect(paper.text == Self.event(1) + "\n" + Self.event(2) + "\n")
    }

    @Test("something else than events ends it, rather than being asked for again and again")
    func notManta() async throws {
        try await AdminServer.run { admin, server in
            admin.add(stream: ["data: hello\n\n"])

            let error = await failure {
                try await EventLog(server: server).follow(on: Paper().screen(), notice: { _ in })
            }

            #expect(error?.kind == .data)
        }
    }
}
