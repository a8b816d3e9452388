import Foundation
import MantaHTTP
import MantaProcesses
import MantaTestKit
import Testing

@testable import MantaClient

@Suite("Connection to a server", .timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test("nothing answers: the address and the reason are named")
    func refused() async throws {
        // A port that was free a moment ago.
        let url = try await serving({ _ in }, body: { $0 })

        let error = await failure {
            try await ServerConnection.open(ConnectionSettings(url: url)) {
                _ = try await $0.reply(to: ServerRequest("GET", "admin", "v1", "status"))
            }
        }

        #expect(
            error
                == ClientError(
                    .unavailable, "nothing answers at \(url): connection refused; is `manta serve` running?"))
    }

    @Test("a server that doesn't answer in time is named with the time")
    func timeout() async throws {
        try await serving {
            $0.on(.get, "/slow") { _ in
                try await Task.sleep(for: .seconds(60))
                return HTTPResponse()
            }
        } body: { url in
            var settings = ConnectionSettings(url: url)
            settings.timeout = .milliseconds(50)
            let error = await failure {
                try await ServerConnection.open(settings) { _ = try await $0.reply(to: ServerRequest("GET", "slow")) }
            }

            #expect(error == ClientError(.unavailable, "\(url) doesn't answer within 50ms"))
        }
    }

    @Test("a token goes with each request, and one that is missing is asked for")
    func token() async throws {
        try await AdminServer.run(token: "s3cret") { admin, server in
            admin.require(token: "s3cret")
            admin.set("/admin/v1/deployments", "{}")

            _ = try await StatusPage(server: server).document()

            #expect(admin.received.map(\.token) == ["Bearer s3cret"])
        }
        try await AdminServer.run { admin, server in
            admin.require(token: "s3cret")

            let error = await failure { _ = try await StatusPage(server: server).document() }

            #expect(
                error
                    == ClientError(
                        .unauthorised, "a token is required; give a token with --token-file or MANTA_TOKEN"))
        }
    }

    @Test(
        "names are percent-encoded",
        arguments: [
            ("plain-1.0_~", "/x/plain-1.0_~"), ("a/b c", "/x/a%2Fb%20c"), ("größe?&%", "/x/gr%C3%B6%C3%9Fe%3F%26%25"),
        ])
    func encoding(name: String, target: String) {
        var request = ServerRequest("GET", "x", name)
        #expect(request.target == target)

        request.wait(for: 10)
        #expect(request.target == target + "?wait=10s")
        #expect(request.wait == .seconds(10))
    }

    @Test("a name with every odd character reaches the server as it is")
    func oddName() async throws {
        let name = "a/b ?%#\u{E4}\"&=+"
        try await serving {
            $0.on(.get, "/echo/{name}") { .json(Array(($0.parameters["name"] ?? "").utf8)) }
        } body: { url in
            let reply = try await ServerConnection.open(ConnectionSettings(url: url)) {
                try await $0.reply(to: ServerRequest("GET", "echo", name))
            }
            #expect(String(decoding: reply.body, as: UTF8.self) == name)
        }
    }

    @Test(
        "URLs are taken with and without a path, and nothing else is",
        arguments: [
            ("http://127.0.0.1:8002", "http://127.0.0.1:8002"), ("https://host/manta//", "https://host/manta"),
            ("http://[::1]:80/", "http://[::1]:80"), ("127.0.0.1:8002", nil), ("ftp://host", nil), ("http://", nil),
            ("http://user@host", nil), ("http://host/?x", nil), ("http://host/#x", nil), ("", nil),
        ])
    func urls(text: String, url: String?) {
        #expect(ServerURL(text)?.description == url)
    }

    @Test("a token is taken without the line's end, and isn't repeated in messages")
    func tokens() throws {
        #expect(try ConnectionSettings.token(in: " abc.DEF-1\r\n", of: "t") == "abc.DEF-1")
        for text in ["", "\n", "two words", "t\u{F6}ken", "a\nb"] {
            #expect(throws: ClientError(.usage, "t: expected a token, printable ASCII on one line without spaces")) {
                try ConnectionSettings.token(in: text, of: "t")
            }
        }
    }

    @Test("a server's own certificate is trusted if it is given, or if none counts, and not otherwise")
    func https() async throws {
        let folder = try TemporaryFolder()
        let (certificate, key) = (folder.path + "/c.pem", folder.path + "/k.pem")
        let made = try await Program(
            "/usr/bin/openssl",
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
                + ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        ).run()
        #expect(made.status == 0, "\(made.errors)")
        try await serving {
            $0.tls = TLSFiles(certificate: certificate, key: key)
        } routes: {
            $0.on(.get, "/x") { _ in .document("{}") }
        } body: { plain in
            let url = try #require(ServerURL(plain.description.replacing("http:", with: "https:")))
            func ask(_ url: ServerURL, _ trust: ConnectionSettings.Trust) async -> ClientError? {
                var settings = ConnectionSettings(url: url)
                settings.trust = trust
                return await failure {
                    try await ServerConnection.open(settings) { _ = try await $0.reply(to: ServerRequest("GET", "x")) }
                }
            }

            #expect(await ask(url, .file(certificate)) == nil)
            #expect(await ask(url, .anyone) == nil)
            #expect(
                await ask(url, .system)?.message
                    == "the certificate of \(url) isn't trusted; give that of its authority with --ca")
            #expect(await ask(plain, .anyone)?.message == "\(plain) closed the connection without an answer")
        }
        try await serving({ $0.on(.get, "/x") { _ in .document("{}") } }) { plain in
            let url = try #require(ServerURL(plain.description.replacing("http:", with: "https:")))
            let error = await failure {
                try await ServerConnection.open(ConnectionSettings(url: url)) {
                    _ = try await $0.reply(to: ServerRequest("GET", "x"))
                }
            }
            #expect(error?.message == "no HTTPS connection to \(url) can be made; is it HTTPS that it speaks?")
        }
    }

    @Test("certificates that aren't there are named")
    func certificates() async throws {
        var settings = ConnectionSettings(url: try ServerURL.test(port: 1))
        settings.trust = .file("/nowhere/ca.pem")

        let error = await failure { try await ServerConnection.open(settings) { _ in } }

        #expect(error == ClientError(.usage, "/nowhere/ca.pem: expected a file with certificates, PEM"))
    }

    @Test(
        "times are written with their unit",
        arguments: [
            ("10s", .seconds(10)), ("250ms", .milliseconds(250)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)),
            ("0s", .zero), ("10", nil), ("-1s", nil), ("1h", nil), ("", nil), ("99999999s", nil),
        ] as [(String, Duration?)])
    func durations(text: String, duration: Duration?) {
        #expect(Duration(text) == duration)
    }
}
