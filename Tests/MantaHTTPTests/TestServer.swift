import Logging
import MantaHTTP
import Synchronization

/// A server that runs for as long as a test's body does.
@discardableResult
func serving<Result: Sendable>(
    _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    routes addRoutes: (inout Routes) -> Void = { $0.addSamples() },
    body: (Int, HTTPServer) async throws -> Result
) async throws -> Result {
    var configuration = HTTPServerConfiguration()
    configuration.accessLog = false
    configure(&configuration)
    var routes = Routes()
    addRoutes(&routes)
    let server = HTTPServer(
        configuration: configuration, routes: routes,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let address = try server.start()
    do {
        let result = try await body(address.port, server)
        await server.drain()
        return result
    } catch {
        await server.drain()
        throw error
    }
}

extension Routes {
    /// Routes that most tests use.
    mutating func addSamples() {
        on(.get, "/hello") { _ in .json(Array("\"hello\"".utf8)) }
        on(.post, "/echo", body: .required) { request in
            HTTPResponse(headers: ["Content-Type": "text/plain"], body: .bytes(request.body))
        }
        on(.get, "/things/{name}/parts/{part}") { request in
            let parts = [request.parameters["name"], request.parameters["part"], request.query("q")]
            return HTTPResponse(body: .bytes(Array(parts.map { $0 ?? "-" }.joined(separator: "|").utf8)))
        }
    }
}

/// Something that happens once, and that tests and handlers wait for.
final class Signal: Sendable {
    private struct State {
        var isSet = false
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func set() {
        let watchers = state.withLock { state in
            state.isSet = true
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.watchers.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }

    /// Waits for the task's cancellation.
    static func cancellation() async {
        let cancelled = Signal()
        await withTaskCancellationHandler {
            await cancelled.wait()
        } onCancel: {
            cancelled.set()
        }
    }
}
