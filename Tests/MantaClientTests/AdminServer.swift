import FoundationEssentials
import Logging
import MantaHTTP
import Synchronization

@testable import MantaClient

/// A server that keeps to docs/admin.md, on a real socket: deployments that a test moves along.
final class AdminServer: Sendable {
    /// A request as it arrived.
    struct Received: Sendable {
        var method: String
        var path: String
        var type: String?
        var token: String?
        var lastEventID: String?
        var wait: String?
        var body: String
    }

    private struct State {
        var received: [Received] = []
        var documents: [String: String] = [:]
        var changes: [String: (status: Int, body: String)] = [:]
        var streams: [[String]] = []
        var token: String?
        var isStarting = false
    }

    private let state = Mutex(State())

    /// The requests so far, in their order.
    var received: [Received] { state.withLock { $0.received } }

    /// Gives a path a document.
    func set(_ path: String, _ document: String) { state.withLock { $0.documents[path] = document } }

    /// Answers a change, such as `PUT /admin/v1/deployments/m`, with this.
    func set(change: String, status: Int, _ body: String) { state.withLock { $0.changes[change] = (status, body) } }

    /// Answers the next request for a stream with these pieces, after which the stream ends.
    func add(stream pieces: [String]) { state.withLock { $0.streams.append(pieces) } }

    /// Wants this token from now on.
    func require(token: String) { state.withLock { $0.token = token } }

    /// Answers nothing but 503, or what it has.
    func set(isStarting: Bool) { state.withLock { $0.isStarting = isStarting } }

    /// Runs a server for as long as `body` does.
    @discardableResult
    static func run<Result: Sendable>(
        timeout: Duration = .seconds(10), token: String? = nil,
        body: (AdminServer, ServerConnection) async throws -> Result
    ) async throws -> Result {
        let admin = AdminServer()
        return try await serving {
            admin.register(in: &$0)
        } body: { url in
            var settings = ConnectionSettings(url: url)
            settings.timeout = timeout
            settings.token = token
            return try await ServerConnection.open(settings) { try await body(admin, $0) }
        }
    }

    private func register(in routes: inout Routes) {
        for path in ["/admin/v1/status", "/admin/v1/deployments", "/admin/v1/deployments/{name}"] {
            routes.on(.get, path) { [self] in try answer($0) { state, key in state.documents[key].map { (200, $0) } } }
        }
        let changes: [(HTTPMethod, String)] = [
            (.put, "/admin/v1/deployments/{name}"), (.delete, "/admin/v1/deployments/{name}"),
            (.post, "/admin/v1/deployments/{name}/scale"), (.post, "/admin/v1/reload"),
        ]
        for (method, path) in changes {
            routes.on(method, path) { [self] request in
                try answer(request) { state, key in state.changes["\(method.rawValue) \(key)"] }
            }
        }
        routes.on(.get, "/admin/v1/events") { [self] request in
            guard request.headers["Accept"] == "text/event-stream" else {
                return try answer(request) { state, key in state.documents[key].map { (200, $0) } }
            }
            _ = try answer(request) { _, _ in (200, "") }
            let pieces = state.withLock { $0.streams.isEmpty ? nil : $0.streams.removeFirst() }
            guard let pieces else { throw HTTPError(HTTPStatus(503), "the server stops") }
            return HTTPResponse(
                headers: ["Content-Type": "text/event-stream"],
                body: .stream { writer in
                    for piece in pieces { try await writer.write(Array(piece.utf8)) }
                })
        }
    }

    private func answer(
        _ request: HTTPRequest, _ find: (State, String) -> (status: Int, body: String)?
    ) throws -> HTTPResponse {
        let token = request.headers["Authorization"]
        let (answer, isKnown) = state.withLock { state in
            state.received.append(
                Received(
                    method: request.method.rawValue, path: request.path, type: request.headers["Content-Type"],
                    token: token, lastEventID: request.headers["Last-Event-ID"], wait: request.query("wait"),
                    body: String(decoding: request.body, as: UTF8.self)))
            return (find(state, request.path), state.token == nil || token == state.token.map { "Bearer \($0)" })
        }
        guard !state.withLock({ $0.isStarting }) else { throw HTTPError(HTTPStatus(503), "the server starts") }
        guard isKnown else { throw HTTPError(HTTPStatus(401), "a token is required") }
        guard let answer else {
            throw HTTPError(.notFound, "deployment \"\(request.parameters["name"] ?? "")\" is not found")
        }
        return .document(answer.body, status: answer.status)
    }
}

/// Serves routes on a port of this machine for as long as `body` runs.
@discardableResult
func serving<Result: Sendable>(
    _ configure: (inout HTTPServerConfiguration) -> Void, routes addRoutes: (inout Routes) -> Void,
    body: (ServerURL) async throws -> Result
) async throws -> Result {
    var configuration = HTTPServerConfiguration()
    configuration.accessLog = false
    configuration.drainTimeout = .seconds(1)
    configure(&configuration)
    var routes = Routes()
    addRoutes(&routes)
    let server = HTTPServer(
        configuration: configuration, routes: routes,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let port = try server.start().port
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(try ServerURL.test(port: port)))
    } catch {
        result = .failure(error)
    }
    await server.drain()
    return try result.get()
}

/// Serves routes without HTTPS.
@discardableResult
func serving<Result: Sendable>(
    _ addRoutes: (inout Routes) -> Void, body: (ServerURL) async throws -> Result
) async throws -> Result {
    try await serving({ _ in }, routes: addRoutes, body: body)
}

extension HTTPResponse {
    /// A reply with this JSON.
    static func document(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: .bytes(Array(text.utf8)))
    }
}

extension ServerURL {
    /// A port of this machine.
    static func test(port: Int) throws -> ServerURL {
        guard let url = ServerURL("http://127.0.0.1:\(port)") else { throw ClientError(.usage, "port \(port)") }
        return url
    }
}

/// A screen that remembers.
final class Paper: Sendable {
    private let texts = Mutex<[String]>([])

    /// Everything written, each text for itself.
    var pieces: [String] { texts.withLock { $0 } }
    /// Everything written.
    var text: String { pieces.joined() }

    /// A screen that writes here.
    func screen(isTerminal: Bool = false, isColoured: Bool = false) -> Screen {
        Screen(isTerminal: isTerminal, isColoured: isColoured) { [self] text in
            texts.withLock { $0.append(text) }
        }
    }
}

/// The error that `body` ends with.
func failure(_ body: () async throws -> Void) async -> ClientError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ClientError
    }
}
