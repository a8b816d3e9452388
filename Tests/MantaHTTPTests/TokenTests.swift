import MantaTestKit
import Testing

@testable import MantaHTTP

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Tokens", .timeLimit(.minutes(1)))
struct TokenTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Writes a file that only its owner can read, and returns its path.
    private func write(_ text: String, mode: mode_t = 0o600) throws -> String {
        try folder.write(text, to: "tokens.txt")
        let path = folder.path + "/tokens.txt"
        #expect(unsafe chmod(path, mode) == 0)
        return path
    }

    /// Serves with these tokens; `/me` tells whose token was sent, and `/open` needs none.
    private func serving<Result: Sendable>(
        _ tokens: String, body: (Int, HTTPServer) async throws -> Result
    ) async throws -> Result {
        let path = try write(tokens)
        return try await MantaHTTPTests.serving {
            $0.credentials = path
        } routes: {
            $0.addSamples()
            $0.on(.get, "/me") { .json(Array(($0.principal ?? "nobody").utf8)) }
            $0.on(.get, "/open", access: .open) { .json(Array(($0.principal ?? "nobody").utf8)) }
        } body: {
            try await body($0, $1)
        }
    }

    private func get(_ port: Int, _ path: String, _ header: String?) async throws -> SocketClient.Reply {
        try await onThread { try SocketClient(port: port).request("GET", path, headers: header.map { [$0] } ?? []) }
    }

    // MARK: Files

    @Test("a token has the name before it, or one of its own that doesn't give it away")
    func names() throws {
        let tokens = try TokenSet(
            text: "# ours\n\n deploy : 0123456789abcdef \r\nsecret-0123456789\nci: abc.def_ghi~jkl+mn/==\n", file: "f")

        #expect(tokens.name(of: "0123456789abcdef") == "deploy")
        #expect(tokens.name(of: "abc.def_ghi~jkl+mn/==") == "ci")
        // The first bytes of `printf secret-0123456789 | sha256sum`.
        #expect(tokens.name(of: "secret-0123456789") == "token-532f346b")
        for other in ["", "0123456789abcde", "0123456789abcdef0", "deploy", "# ours", "0123456789ABCDEF"] {
            #expect(tokens.name(of: other[...]) == nil)
        }
    }

    @Test("every fault of a file is told with its line, and no token with it")
    func faults() throws {
        let text = """
            a: 0123456789abcdef
            b: short
            0123456789abcdef
            a b: 0123456789abcdef
            c: 0123456789 abcdef
            d:
            =================
            \(String(repeating: "x", count: 513))
            """
        let error = #expect(throws: HTTPServerError.self) { try TokenSet(text: text, file: "tokens.txt") }
        let length = "characters, expected 16 to 512; openssl rand -hex 16 makes one"
        let characters = "the token has a character that isn't a letter, a digit or one of -._~+/ (and = at the end)"

        #expect(
            error?.faults.map(\.description) == [
                "tokens.txt:2: the token has 5 \(length)",
                "tokens.txt:3: this token is in line 1 already",
                "tokens.txt:4: expected a name of 1 to 64 letters, digits and -._@ before the colon",
                "tokens.txt:5: \(characters)",
                "tokens.txt:6: the token has 0 \(length)",
                "tokens.txt:7: \(characters)",
                "tokens.txt:8: the token has 513 \(length)",
            ])
    }

    @Test("a file without a token lets nobody in, so it is refused", arguments: ["", "\n\n", "# a: 0123456789abcdef"])
    func empty(text: String) {
        let error = #expect(throws: HTTPServerError.self) { try TokenSet(text: text, file: "f") }

        #expect(error?.description == "f: there is no token in it: expected one a line")
    }

    @Test("a file that others can read is refused", arguments: [0o604, 0o644, 0o602, 0o601, 0o620, 0o610] as [mode_t])
    func modes(mode: mode_t) throws {
        let path = try write("0123456789abcdef", mode: mode)
        let error = #expect(throws: HTTPServerError.self) { try TokenSet(file: path) }

        let digits = String(mode, radix: 8)
        #expect(error?.description == "\(path): others can read it (mode \(digits)): run chmod 600 \(path)")
    }

    @Test("a file that isn't there is told")
    func missing() {
        let error = #expect(throws: HTTPServerError.self) { try TokenSet(file: "/nowhere/t") }

        #expect(error?.description == "/nowhere/t: it can't be read: No such file or directory")
    }

    @Test("exactly the tokens of a file are taken", arguments: UInt64(0)..<20)
    func property(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func token() -> String {
            let letters = Array("abcXYZ019-._~+/")
            return String(
                (0..<Int.random(in: 16...40, using: &generator)).map { _ in
                    letters[Int.random(in: letters.indices, using: &generator)]
                })
        }
        let tokens = Set((0..<20).map { _ in token() }).sorted()
        let text = tokens.enumerated().map { "name\($0): \($1)" }.joined(separator: "\n")

        let set = try TokenSet(text: text, file: "f")

        for (index, token) in tokens.enumerated() { #expect(set.name(of: token[...]) == "name\(index)") }
        for _ in 0..<50 {
            let other = token()
            #expect((set.name(of: other[...]) != nil) == tokens.contains(other))
        }
    }

    // MARK: Requests

    @Test(
        "a request with a token is answered, and its handler knows whose it is",
        arguments: ["Bearer 0123456789abcdef", "bearer   0123456789abcdef", "BEARER 0123456789abcdef "])
    func taken(value: String) async throws {
        let reply = try await serving("ci: 0123456789abcdef") { port, _ in
            try await get(port, "/me", "Authorization: \(value)")
        }

        #expect(reply.status == 200)
        #expect(reply.text == "ci")
    }

    @Test(
        "a request without the right token is 401, which says what is expected and not what was sent",
        arguments: [
            (nil, "Bearer", "a token is needed: send the header Authorization: Bearer TOKEN"),
            (
                "Basic wrong-wrong-wrong", "Bearer",
                "Authorization has another scheme: expected Authorization: Bearer TOKEN"
            ),
            (
                "Bearer wrong-wrong-wrong", "Bearer error=\"invalid_token\"",
                "the token in Authorization isn't one that this server takes: expected Authorization: Bearer TOKEN"
            ),
            (
                "Bearer", "Bearer error=\"invalid_token\"",
                "the token in Authorization isn't one that this server takes: expected Authorization: Bearer TOKEN"
            ),
        ])
    func refused(value: String?, challenge: String, message: String) async throws {
        let reply = try await serving("0123456789abcdef") { port, _ in
            try await get(port, "/me", value.map { "Authorization: \($0)" })
        }

        #expect(reply.status == 401)
        #expect(reply["WWW-Authenticate"] == challenge)
        #expect(reply.text == "{\"error\":\"\(message)\"}")
    }

    @Test("a body is not read before the token is")
    func beforeTheBody() async throws {
        let reply = try await serving("0123456789abcdef") { port, _ in
            try await onThread {
                let client = try SocketClient(port: port)
                try client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
                return try client.reply()
            }
        }

        #expect(reply.status == 401)
    }

    @Test("routes that are open need no token")
    func open() async throws {
        let reply = try await serving("0123456789abcdef") { port, _ in try await get(port, "/open", nil) }

        #expect(reply.text == "nobody")
    }

    @Test("without credentials nobody has a name, whatever is sent")
    func none() async throws {
        let reply = try await MantaHTTPTests.serving {
            _ in
        } routes: {
            $0.on(.get, "/me") { .json(Array(($0.principal ?? "nobody").utf8)) }
        } body: { port, _ in
            try await get(port, "/me", "Authorization: Bearer 0123456789abcdef")
        }

        #expect(reply.text == "nobody")
    }

    @Test("after a reload the new tokens count and the old ones don't")
    func reload() async throws {
        let replies = try await serving("old: 0123456789abcdef") { port, server in
            _ = try write("new: fedcba9876543210")
            try await server.reload()
            return [
                try await get(port, "/me", "Authorization: Bearer 0123456789abcdef"),
                try await get(port, "/me", "Authorization: Bearer fedcba9876543210"),
            ]
        }

        #expect(replies.map(\.status) == [401, 200])
    }

    @Test("a file that can't be used leaves the old tokens in force, and says why")
    func badReload() async throws {
        let (error, reply) = try await serving("old: 0123456789abcdef") { port, server in
            _ = try write("new: fedcba9876543210\nshort")
            let error = await #expect(throws: HTTPServerError.self) { try await server.reload() }
            return (error, try await get(port, "/me", "Authorization: Bearer 0123456789abcdef"))
        }

        #expect(error?.faults.map(\.line) == [2])
        #expect(reply.text == "old")
    }

    @Test("a listener doesn't open without its tokens")
    func start() async throws {
        let path = try write("short")
        await #expect(throws: HTTPServerError.self) {
            try await MantaHTTPTests.serving {
                $0.credentials = path
            } body: { _, _ in
            }
        }
    }
}
