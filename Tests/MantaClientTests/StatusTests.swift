import Synchronization
import Testing

@testable import MantaClient

@Suite("Status", .timeLimit(.minutes(1)))
struct StatusTests {
    /// The example of docs/admin.md, with a second version that is on its way and what only newer servers say.
    private static let digits = #"""
        {"name": "digits-svm", "state": "updating", "reason": null, "news": {"a": [1]},
         "configuration": {"source": "file", "file": "models/digits-svm/model.yaml", "overrides": null,
          "values": {"batching": {"max_batch_size": 64, "max_queue_delay_ms": 0}, "replicas": 2}},
         "scale": {"mode": "pinned", "source": "configuration", "replicas": 2, "min": null, "max": null},
         "update": {"state": "warming", "from": [1], "to": [2], "reason": null, "started_at": "2026-11-24T20:10:30.000Z"},
         "versions": [
          {"version": 1, "hash": "sha256:5e1f", "path": "models/digits-svm/1/model.onnx", "state": "ready",
           "reason": null, "default": true, "age_s": 42.1, "queued": 3, "ongoing": 1,
           "replicas": [
            {"id": 0, "node": "local", "state": "ready", "age_s": 41.9, "ongoing": 1, "batches": 5120, "last_error": null},
            {"id": 1, "node": "local", "state": "ready", "age_s": 41.9, "ongoing": 0, "batches": 7, "last_error": null}],
           "batching": {"max_rows": 64, "rows_in_force": 64, "reason": "the configured maximum", "costs": []},
           "last_minute": {"requests": 81234, "failures": 2, "per_second": 1353.9, "p50_ms": 0.31, "p95_ms": 0.74,
            "p99_ms": 1.1, "mean_batch_rows": 3.2}},
          {"version": 2, "path": "models/digits-svm/2/model.onnx", "state": "warming", "default": false,
           "replicas": [{"id": 0, "node": "local", "state": "warming"}], "batching": null, "last_minute": null}],
         "decisions": [{"at": "2026-11-24T20:10:31.120Z", "version": 1, "from": 1, "to": 2,
          "reason": "16.0 ongoing requests for 1 replica, the target is 2 for each", "inputs": {"ongoing": 16.0}}],
         "warnings": ["4 replicas ask for 4 CPUs; this process has 2"]}
        """#
    private static let broken =
        #"{"name": "m", "state": "failed", "reason": "m\u001b[2J has no version", "versions": []}"#
    private static let status = #"""
        {"version": "0.1.0", "started_at": "2026-11-24T20:09:49.000Z", "uptime_s": 4210.5, "ready": true, "reason": null,
         "node": {"id": "local", "cpus": 2, "lanes": 3, "resident_bytes": 57671680},
         "warnings": [WARNINGS]}
        """#

    private static func run<Result: Sendable>(
        _ deployments: [String] = [digits, broken], body: (AdminServer, ServerConnection) async throws -> Result
    ) async throws -> Result {
        try await AdminServer.run { admin, server in
            let warning = "\"digits-svm: 4 replicas ask for 4 CPUs; this process has 2\""
            admin.set("/admin/v1/status", status.replacing("WARNINGS", with: deployments.isEmpty ? "" : warning))
            admin.set("/admin/v1/deployments", "{\"deployments\": [\(deployments.joined(separator: ","))]}")
            admin.set("/admin/v1/deployments/digits-svm", digits)
            return try await body(admin, server)
        }
    }

    @Test("all deployments are a table")
    func table() async throws {
        let (text, url) = try await Self.run { _, server in
            (try await StatusPage(server: server).text(), server.settings.url)
        }

        #expect(
            text == """
                Manta 0.1.0 at \(url), ready, up 70 min, 2 CPUs, 55.0 MiB

                NAME        STATE     VERSIONS  REPLICAS  REQ/S  P50 MS  P99 MS  QUEUED  REASON
                digits-svm  updating  1,2            2/4   1354    0.31    1.10       3
                m           failed                   0/0      -       -       -       0  m\\u{1B}[2J has no version

                warning: digits-svm: 4 replicas ask for 4 CPUs; this process has 2

                """)
    }

    @Test("one deployment has its versions, replicas and decisions")
    func details() async throws {
        let text = try await Self.run { _, server in
            try await StatusPage(server: server, name: "digits-svm").text()
        }

        #expect(
            text == """
                digits-svm: updating
                  configuration                file models/digits-svm/model.yaml
                  scale                        2 replicas, pinned (configuration)
                  update                       warming, 1 to 2, since 2026-11-24T20:10:30.000Z
                  batching.max_batch_size      64
                  batching.max_queue_delay_ms  0
                  replicas                     2

                VERSION  STATE    REPLICAS  QUEUED  ONGOING  REQ/S  FAILED  P50 MS  P95 MS  P99 MS  ROWS/BATCH   AGE  MODEL
                     *1  ready         2/2       3        1   1354       2    0.31    0.74    1.10        3.20  42 s  models/digits-svm/1/model.onnx
                      2  warming       0/1       -        -      -       -       -       -       -           -     -  models/digits-svm/2/model.onnx

                REPLICA  NODE   STATE    ONGOING  BATCHES   AGE  LAST ERROR
                1/0      local  ready          1     5120  41 s
                1/1      local  ready          0        7  41 s
                2/0      local  warming        -        -     -

                version 1: batches of up to 64 rows: the configured maximum

                2026-11-24T20:10:31.120Z  version 1: 1 to 2 replicas: 16.0 ongoing requests for 1 replica, the target is 2 for each

                warning: 4 replicas ask for 4 CPUs; this process has 2

                """)
    }

    /// In a fleet: two workers, of which one has two replicas, and one replica that has no place.
    private static let spread = #"""
        {"name": "m", "state": "ready", "scale": {"mode": "pinned", "source": "configuration", "replicas": 4},
         "versions": [{"version": 1, "hash": null, "path": null, "state": "ready", "reason": "no room", "age_s": 9,
          "default": true, "replicas": [
          {"id": 0, "node": "http://a:8000/v2/models/m", "count": 2, "state": "ready"},
          {"id": 1, "node": "http://b:8000/v2/models/m", "count": 1, "state": "ready"}]}]}
        """#

    @Test(
        "in a fleet replicas are counted, not workers, and those that have no place as well",
        arguments: [
            (spread, "3/4"),
            (spread.replacing(#""count": 1, "state": "ready""#, with: #""count": 1, "state": "out""#), "2/4"),
            (#"{"name": "m", "scale": {"replicas": 2}, "versions": [{"version": 1, "state": "ready"}]}"#, "0/2"),
            (#"{"name": "m", "scale": {"replicas": 2}, "versions": [{"version": 1, "state": "loading"}]}"#, "0/2"),
        ])
    func fleet(deployment: String, count: String) async throws {
        let (overview, details) = try await Self.run([deployment]) { admin, server in
            admin.set("/admin/v1/deployments/m", deployment)
            return (
                try await StatusPage(server: server).text(), try await StatusPage(server: server, name: "m").text()
            )
        }

        #expect(overview.contains(" \(count) "), "\(overview)")
        #expect(details.contains(" \(count) "), "\(details)")
        if deployment == Self.spread {
            #expect(details.contains("1/0      http://a:8000/v2/models/m (2 replicas)"))
            #expect(details.contains("  9 s  no room\n"))
        }
    }

    @Test(
        "the scale says who decides and within what",
        arguments: [
            (
                #"{"mode": "autoscaled", "source": "admin", "replicas": 2, "min": 1, "max": 8}"#,
                "2 replicas, autoscaled between 1 and 8 (admin)"
            ),
            (
                #"{"mode": "pinned", "source": "configuration", "replicas": 1, "min": null, "max": null}"#,
                "1 replica, pinned (configuration)"
            ),
        ])
    func scale(scale: String, text: String) async throws {
        let page = try await Self.run { admin, server in
            admin.set("/admin/v1/deployments/m", #"{"name": "m", "scale": \#(scale)}"#)
            return try await StatusPage(server: server, name: "m").text()
        }

        #expect(page.contains("  scale  \(text)\n"))
    }

    @Test("colours say no more than the words, and are there on demand only")
    func colours() async throws {
        let (plain, coloured) = try await Self.run { _, server in
            let page = StatusPage(server: server)
            return (try await page.text(), try await page.text(isColoured: true))
        }

        #expect(!plain.contains("\u{1B}"))
        #expect(coloured.contains("\u{1B}[31mfailed\u{1B}[0m"))
        #expect(coloured.replacing(#/\u{1B}\[\d+m/#, with: "") == plain)
    }

    @Test("a document goes out as it came")
    func document() async throws {
        let document = try await Self.run { _, server in
            String(decoding: try await StatusPage(server: server, name: "digits-svm").document(), as: UTF8.self)
        }

        #expect(document == Self.digits)
    }

    @Test("a deployment that isn't there is named, and so is what is no Manta")
    func faults() async throws {
        try await Self.run { admin, server in
            let missing = await failure { _ = try await StatusPage(server: server, name: "nobody").text() }
            #expect(missing == ClientError(.unavailable, "deployment \"nobody\" is not found"))

            admin.set("/admin/v1/deployments", "{\"deployments\": [{\"state\": 1}]}")
            let other = await failure { _ = try await StatusPage(server: server).text() }
            #expect(
                other
                    == ClientError(
                        .data,
                        "\(server.settings.url) answers with something else than expected "
                            + "(no \"name\" in deployments.[0]); is it a Manta?"))
        }
    }

    @Test("watching redraws a terminal, makes blocks elsewhere, and waits for a server that went away")
    func watch() async throws {
        struct Enough: Error {}
        let (terminal, pipe) = (Paper(), Paper())
        try await Self.run([]) { admin, server in
            for (paper, isTerminal) in [(terminal, true), (pipe, false)] {
                let turns = Mutex(0)
                await #expect(throws: Enough.self) {
                    try await StatusPage(server: server).watch(on: paper.screen(isTerminal: isTerminal)) {
                        let turn = turns.withLock { turn in
                            turn += 1
                            return turn
                        }
                        // The second time the server isn't ready to answer.
                        admin.set(isStarting: turn == 1)
                        if turn == 3 { throw Enough() }
                    }
                }
            }
        }

        #expect(pipe.pieces.count == 3)
        #expect(pipe.pieces[1] == "\nthe server starts\n")
        #expect(pipe.pieces[2] == "\n" + pipe.pieces[0])
        #expect(terminal.pieces[0].hasPrefix("\u{1B}[HManta 0.1.0 at "))
        #expect(terminal.pieces[0].hasSuffix("no deployments\u{1B}[K\n\u{1B}[J"))
        #expect(terminal.pieces[1] == "\u{1B}[Hthe server starts\u{1B}[K\n\u{1B}[J")
    }
}
