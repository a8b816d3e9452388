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

    /// Who may ask.
    public enum Access: Sendable {
        /// Whoever has one of the listener's tokens, or everybody if it asks for none.
        case protected
        /// Everybody: for probes, and pages that hold nothing.
        case open
    }

    /// What answers the requests of one method on one path. An object, since each request takes it.
    final class Target: Sendable {
        let method: HTTPMethod
        let body: BodyPolicy
        let access: Access
        let handler: Handler
        /// For whom it is, if it is for other nodes.
        let nodes: Nodes?

        init(_ method: HTTPMethod, body: BodyPolicy, access: Access, nodes: Nodes? = nil, handler: @escaping Handler) {
            (self.method, self.body, self.access, self.nodes, self.handler) = (method, body, access, nodes, handler)
        }
    }

    /// The nodes that a route is for.
    struct Nodes: Sendable {
        /// What they show; `nil` if whoever reaches the listener is one of them.
        let tokens: TokenSet?
    }

    /// Routes that count before others, for what they take of that which paths name.
    private struct Preferred: Sendable {
        let routes: Routes
        let takes: @Sendable (PathParameters) -> Bool
    }

    private struct Route: Sendable {
        let path: RoutePath
        var targets: [Target]
    }

    enum Match: Sendable {
        case found(Target, PathParameters)
        case methodNotAllowed(allowed: String)
        case notFound
        case malformed
    }

    private var routes: [Route] = []
    private var tree = RouteTree()
    private var preferred: [Preferred] = []

    /// No routes.
    public init() {}

    /// Adds a route.
    ///
    /// - Parameters:
    ///   - method: GET answers HEAD too.
    ///   - path: Matched whole and with regard to case; `{name}` stands for one segment, or for its beginning
    ///     where text follows: `{name}:predict`.
    ///   - body: Whether there must be a body.
    ///   - access: Who may ask.
    ///   - handler: Answers.
    public mutating func on(
        _ method: HTTPMethod, _ path: String, body: BodyPolicy = .optional, access: Access = .protected,
        _ handler: @escaping Handler
    ) {
        add(Target(method, body: body, access: access, handler: handler), path)
    }

    /// Adds a route for other nodes, who have tokens of their own. What they ask isn't logged: whoever asked them has logged
    /// it.
    ///
    /// - Parameters:
    ///   - method: GET answers HEAD too.
    ///   - path: As of every route.
    ///   - body: Whether there must be a body.
    ///   - tokens: What they show, whatever the listener's clients do; `nil` if whoever reaches it may ask.
    ///   - handler: Answers.
    package mutating func on(
        _ method: HTTPMethod, _ path: String, body: BodyPolicy = .optional, nodes tokens: TokenSet?,
        _ handler: @escaping Handler
    ) {
        add(Target(method, body: body, access: .open, nodes: Nodes(tokens: tokens), handler: handler), path)
    }

    /// Has other routes answer first.
    ///
    /// - Parameters:
    ///   - routes: The other routes.
    ///   - takes: Whether they answer a request whose path names this.
    package mutating func prefer(_ routes: Routes, where takes: @escaping @Sendable (PathParameters) -> Bool) {
        preferred.append(Preferred(routes: routes, takes: takes))
    }

    private mutating func add(_ target: Target, _ path: String) {
        if let index = routes.firstIndex(where: { $0.path.pattern == path }) {
            routes[index].targets.append(target)
        } else {
            let path = RoutePath(path)
            tree.insert(path, route: routes.count)
            routes.append(Route(path: path, targets: [target]))
        }
    }

    /// What was added, in the order of the paths.
    package var registered: [(method: HTTPMethod, path: String)] {
        routes.flatMap { route in route.targets.map { ($0.method, route.path.pattern) } }
    }

    /// Finds the handler of a request. Where several routes match, a literal segment comes before a parameter.
    ///
    /// - Parameters:
    ///   - method: The request's.
    ///   - path: As sent.
    /// - Returns: The handler and the parameters, or why there is none.
    func match(_ method: HTTPMethod, path: Substring) -> Match {
        for other in preferred {
            let match = other.routes.match(method, path: path)
            if case .found(_, let parameters) = match, other.takes(parameters) { return match }
        }
        guard let (index, ranges) = tree.find(path.utf8.span) else { return .notFound }
        let route = routes[index]
        var values: [String] = []
        values.reserveCapacity(ranges.count)
        for parameter in 0..<ranges.count {
            let range = ranges[parameter]
            let start = path.utf8.index(path.startIndex, offsetBy: range.lowerBound)
            let end = path.utf8.index(start, offsetBy: range.count)
            guard let value = PercentEncoding.decode(path[start..<end]) else { return .malformed }
            values.append(value)
        }
        let wanted = method == .head ? .get : method
        if let target = route.targets.first(where: { $0.method == wanted }) {
            return .found(target, PathParameters(names: route.path.names, values: values))
        }
        return .methodNotAllowed(allowed: Self.allowed(by: route))
    }

    /// Whether something answers requests of this method and path.
    package func answer(_ method: HTTPMethod, path: String) -> Bool {
        if case .found = match(method, path: path[...]) { true } else { false }
    }

    private static func allowed(by route: Route) -> String {
        var methods = route.targets.map(\.method.rawValue)
        if methods.contains("GET") { methods.append("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}
