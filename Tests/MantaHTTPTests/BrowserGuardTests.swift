import MantaTestKit
import Testing

@testable import MantaHTTP

@Suite("Requests that pages of other sites make browsers send", .timeLimit(.minutes(1)))
struct BrowserGuardTests {
    private func status(
        _ method: String, _ headers: [(String, String)], tls: Bool = false, host: String = "127.0.0.1",
        hosts: [String] = [], isForOperators: Bool = true
    ) throws -> Int {
        var configuration = HTTPServerConfiguration()
        configuration.isForOperators = isForOperators
        configuration.host = host
        configuration.hosts = hosts
        if tls { configuration.tls = TLSFiles(certificate: "c", key: "k") }
        var fields = HTTPHeaders()
        for (name, value) in headers { fields.append(name, value) }
        let head = try RequestHead(
            method: HTTPMethod(rawValue: method), target: "/", headers: fields, isHostRequired: false,
            limits: HTTPLimits())
        do throws(HTTPError) {
            try BrowserGuard(configuration)?.check(head)
            return 200
        } catch {
            return error.status.code
        }
    }

    private static let methods = ["POST", "PUT", "DELETE", "PATCH", "MOVE"]

    @Test("a change that another site's page asks for is 403", arguments: methods)
    func origin(method: String) throws {
        for (origin, status) in [
            ("http://localhost:8002", 200), ("HTTP://LOCALHOST:8002", 200), ("https://localhost:8002", 200),
            ("http://localhost:8003", 403), ("http://localhost", 403), ("http://evil.example", 403), ("null", 403),
            ("http://127.0.0.1:8002", 403), ("localhost:8002", 403), ("", 403),
        ] {
            #expect(try self.status(method, [("Host", "localhost:8002"), ("Origin", origin)]) == status, "\(origin)")
        }
    }

    @Test("a page that came in the clear changes nothing over TLS")
    func scheme() throws {
        #expect(try status("PUT", [("Host", "localhost"), ("Origin", "http://localhost")], tls: true) == 403)
        #expect(try status("PUT", [("Host", "localhost"), ("Origin", "https://localhost")], tls: true) == 200)
    }

    @Test("what a browser says of another site is believed", arguments: methods)
    func fetchSite(method: String) throws {
        for (site, status) in [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)] {
            #expect(try self.status(method, [("Host", "localhost"), ("Sec-Fetch-Site", site)]) == status, "\(site)")
        }
    }

    @Test("a body that a page could send without asking is 415")
    func contentType() throws {
        for (type, status) in [
            ("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("application/yaml", 200),
            ("application/x-yaml", 200), ("text/yaml", 200), ("application/merge-patch+json", 200),
            ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=b", 415),
            ("text/plain; application/json", 415), ("application/jsonp", 415), ("", 415),
        ] {
            let headers = [("Host", "localhost"), ("Content-Length", "2"), ("Content-Type", type)]
            #expect(try self.status("POST", headers) == status, "\(type)")
        }
        #expect(try status("POST", [("Host", "localhost"), ("Content-Length", "2")]) == 415)
        #expect(try status("POST", [("Host", "localhost"), ("Transfer-Encoding", "chunked")]) == 415)
        #expect(try status("POST", [("Host", "localhost"), ("Content-Length", "0")]) == 200)
        #expect(try status("DELETE", [("Host", "localhost")]) == 200)
    }

    @Test("reading needs none of this", arguments: ["GET", "HEAD", "OPTIONS"])
    func reading(method: String) throws {
        let headers = [("Host", "localhost"), ("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")]

        #expect(try status(method, headers) == 200)
    }

    @Test("a name that was made to stand for this machine is 421", arguments: ["GET", "POST"])
    func rebinding(method: String) throws {
        for (host, status) in [
            ("localhost", 200), ("LocalHost:8002", 200), ("127.0.0.1:1", 200), ("127.9.9.9", 200), ("[::1]:8002", 200),
            ("[::1]", 200), ("10.0.0.7:8002", 200), ("evil.example:8002", 421), ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421), ("", 421), ("[evil", 421),
        ] {
            #expect(try self.status(method, [("Host", host)]) == status, "\(host)")
            #expect(try self.status(method, [("Host", host)], host: "::1") == status, "\(host)")
            #expect(try self.status(method, [("Host", host)], host: "0.0.0.0") == 200, "\(host)")
        }
    }

    @Test("names may be configured, on every listener", arguments: [true, false])
    func hosts(isForOperators: Bool) throws {
        for (host, status) in [("Manta.Example:1", 200), ("localhost", 200), ("10.1.1.1:8", 200), ("evil", 421)] {
            let found = try self.status(
                "GET", [("Host", host)], host: "0.0.0.0", hosts: ["manta.example"], isForOperators: isForOperators)
            #expect(found == status, "\(host)")
        }
    }

    @Test("a listener for inference takes what comes")
    func inference() throws {
        let headers = [("Host", "x"), ("Origin", "http://evil.example"), ("Content-Length", "2")]

        #expect(try status("POST", headers, isForOperators: false) == 200)
    }

    @Test("a refusal says what was found and what is expected")
    func words() async throws {
        let texts = try await serving {
            $0.isForOperators = true
        } body: { port, _ in
            try await onThread {
                try [
                    ["Host: evil.example"], ["Host: localhost:1", "Origin: http://evil.example"],
                    ["Host: localhost", "Sec-Fetch-Site: cross-site"], ["Host: localhost", "Content-Type: text/plain"],
                ].map { headers in
                    let client = try SocketClient(port: port)
                    let lines = ["POST /echo HTTP/1.1", "Content-Length: 0002"] + headers + ["", "{}"]
                    try client.send(lines.joined(separator: "\r\n"))
                    let reply = try client.reply()
                    return "\(reply.status) \(reply.text)"
                }
            }
        }

        #expect(
            texts == [
                "421 {\"error\":\"this listener doesn't go by the name \\\"evil.example\\\": ask for its address or "
                    + "localhost, or add the name to \\\"hosts\\\" in its configuration\"}",
                "403 {\"error\":\"a page of http://evil.example asked for this, which isn't this listener's own (Host: "
                    + "localhost:1); a proxy in between has to pass Host on as it is\"}",
                "403 {\"error\":\"a browser sent this for another site (Sec-Fetch-Site: cross-site)\"}",
                "415 {\"error\":\"the body's Content-Type is \\\"text/plain\\\", expected application/json or "
                    + "application/yaml\"}",
            ])
    }
}
