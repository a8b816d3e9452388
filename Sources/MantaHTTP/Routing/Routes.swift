/// Which handler answers which method and path.
///
/// ```swift
/// var routes = Routes()
/// routes.on(.post, "/v2/models/{model}/infer", body: .required) { request in
///     .json(try await answer(request.parameters["model"], request.body))
/// }
/// ```
public struct Routes: Sendable {
    /// Answers a request. The task is cancelled when the client leaves or the server stops.
    ///
    /// It runs on the cooperative pool. That of a small request starts on the connection's own thread: up to where it
    /// first waits, it mustn't take longer than reading the request does.
    public typealias Handler = @Sendable (HTTPRequest) async throws -> HTTPResponse

    /// Whether a request has a body.
    public enum BodyPolicy: Sendable {
        /// It may have one.
        case optional
        /// It must say how long its body is, or send it in chunks.
        case required
    }

    struct Route: Sendable {
        let pattern: String
        let segments: [Segment]
        var handlers: [(method: HTTPMethod, body: BodyPolicy, handler: Handler)]
    }

    enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    enum Match: Sendable {
        case found(handler: Handler, body: BodyPolicy, parameters: PathParameters, pattern: String)
        case methodNotAllowed(allowed: String)
        case notFound
        case malformed
    }

    private var routes: [Route] = []

    /// No routes.
    public init() {}

    /// Adds a route.
    ///
    /// - Parameters:
    ///   - method: GET answers HEAD too.
    ///   - path: Matched whole and with regard to case; `{name}` stands for one segment.
    ///   - body: Whether there must be a body.
    ///   - handler: Answers.
    public mutating func on(
        _ method: HTTPMethod, _ path: String, body: BodyPolicy = .optional, _ handler: @escaping Handler
    ) {
        if let index = routes.firstIndex(where: { $0.pattern == path }) {
            routes[index].handlers.append((method, body, handler))
            return
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? Segment.parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        routes.append(Route(pattern: path, segments: segments, handlers: [(method, body, handler)]))
    }

    /// Finds the handler of a request. A path that several routes match belongs to the first one added.
    func match(_ method: HTTPMethod, path: String) -> Match {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for route in routes where route.segments.count == parts.count {
            guard let values = Self.values(of: parts, in: route.segments) else { continue }
            var parameters: [(name: String, value: String)] = []
            for (name, value) in values {
                guard let decoded = PercentEncoding.decode(value) else { return .malformed }
                parameters.append((name, decoded))
            }
            let wanted = method == .head ? .get : method
            if let found = route.handlers.first(where: { $0.method == wanted }) {
                return .found(
                    handler: found.handler, body: found.body, parameters: PathParameters(parameters),
                    pattern: route.pattern)
            }
            return .methodNotAllowed(allowed: Self.allowed(by: route))
        }
        return .notFound
    }

    /// The parameters' raw texts if the path fits the route.
    private static func values(of parts: ArraySlice<Substring>, in segments: [Segment]) -> [(String, Substring)]? {
        var values: [(String, Substring)] = []
        for (part, segment) in zip(parts, segments) {
            switch segment {
            case .literal(let text): if part != text { return nil }
            case .parameter(let name):
                if part.isEmpty { return nil }
                values.append((name, part))
            }
        }
        return values
    }

    private static func allowed(by route: Route) -> String {
        var methods = route.handlers.map(\.method.rawValue)
        if methods.contains("GET") { methods.append("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}
