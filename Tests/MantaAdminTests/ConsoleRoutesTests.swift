import Foundation
import Logging
import MantaAdmin
import MantaHTTP
import MantaTestKit
import Testing

@Suite("Console", .timeLimit(.minutes(1)))
struct ConsoleRoutesTests {
    @Test("every file that the page and its scripts name is served, and none that they don't")
    func complete() {
        let patterns = [#/(?:href|src)="(console/[^"]+)"/#, #/from "\./([^"]+)"/#]
        let named = ConsolePage.files.flatMap { file in
            let text = String(decoding: file.bytes, as: UTF8.self)
            return patterns.flatMap { text.matches(of: $0) }.map { match in
                match.output.1.hasPrefix("console/") ? "/\(match.output.1)" : "/console/\(match.output.1)"
            }
        }

        #expect(Set(named + ["/"]) == Set(ConsolePage.files.map(\.path)))
    }

    @Test("the page asks nobody else for anything and holds no script or style of its own, which the policy would stop")
    func selfContained() {
        for file in ConsolePage.files where file.path != "/console/icon.svg" {
            let text = String(decoding: file.bytes, as: UTF8.self).replacing("http://www.w3.org/2000/svg", with: "")

            for outside in ["http://", "https://", "url(", "@import", "<style", " style=", "innerHTML", "eval("] {
                #expect(!text.contains(outside), "\(file.path) has \(outside)")
            }
            #expect(text.matches(of: #/<script(?! type="module" src=)/#).isEmpty, "\(file.path)")
        }
    }

    @Test("the page comes with a policy that allows nothing but this server, and may be in no frame")
    func policy() async throws {
        let reply = try await ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n")

        let policy = reply["Content-Security-Policy"] ?? ""
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "text/html; charset=utf-8")
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self'"))
        #expect(policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe"))
        #expect(reply["X-Content-Type-Options"] == "nosniff")
        #expect(reply["Referrer-Policy"] == "no-referrer")
        #expect(reply.body == ConsolePage.files.first { $0.path == "/" }?.bytes)
    }

    @Test("a file that the browser has already isn't sent again", arguments: ConsolePage.files.map(\.path))
    func unchanged(path: String) async throws {
        let tag = try #require(try await ask("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")["ETag"])

        let same = try await ask("GET \(path) HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"other\", \(tag)\r\n\r\n")
        let other = try await ask("GET \(path) HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"other\"\r\n\r\n")

        #expect(same.status == 304)
        #expect(same.body.isEmpty)
        #expect(same["ETag"] == tag)
        #expect(other.status == 200)
    }

    /// The reply of a server that has nothing but the console.
    private func ask(_ request: String) async throws -> SocketClient.Reply {
        var configuration = HTTPServerConfiguration()
        configuration.accessLog = false
        var routes = Routes()
        ConsoleRoutes().register(in: &routes)
        let server = HTTPServer(
            configuration: configuration, routes: routes,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try server.start().port
        let reply: Result<SocketClient.Reply, any Error>
        do {
            reply = .success(
                try await onThread {
                    let client = try SocketClient(port: port)
                    try client.send(request)
                    return try client.reply()
                })
        } catch {
            reply = .failure(error)
        }
        await server.drain()
        return try reply.get()
    }
}
