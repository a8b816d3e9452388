package import MantaHTTP
import FoundationEssentials
import MantaConfig
import MantaController
import MantaCore
import MantaGateway
import MantaServing
import MantaTelemetry

/// What operators ask and change.
package struct AdminRoutes: Sendable {
    let context: AdminContext

    /// Routes to these.
    package init(_ context: AdminContext) {
        self.context = context
    }

    /// Adds `/metrics` and everything under `/admin/v1`.
    package func register(in routes: inout Routes) {
        routes.on(.get, "/metrics") { [context] _ in
            HTTPResponse(
                headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: .bytes(Array(context.registry.render().utf8)))
        }
        routes.on(.get, "/admin/v1/status") { [context] _ in try .json(context.serverDocument) }
        routes.on(.get, "/admin/v1/nodes") { [context] _ in
            try .json(NodesDocument(nodes: [context.nodeDocument], fleet: context.fleetDocument))
        }
        registerDeployments(in: &routes)
        EventRoutes(events: context.events).register(in: &routes)
    }

    private func registerDeployments(in routes: inout Routes) {
        let one = "/admin/v1/deployments/{name}"
        routes.on(.get, "/admin/v1/deployments") { [context] _ in
            let clock = context.clock
            return try .json([
                "deployments": context.catalog.all.map {
                    DeploymentDocument($0.snapshot, cpus: context.cpus, clock: clock)
                }
            ])
        }
        routes.on(.get, one) { [context] request in
            let deployment = try context.deployment(of: request)
            return try .json(DeploymentDocument(deployment.snapshot, cpus: context.cpus, clock: context.clock))
        }
        routes.on(.put, one, body: .required) { request in
            try await change(request) { name throws(ControlError) in
                // A whole configuration must not be replaced by the defaults because a file was empty by mistake.
                if try Self.isNothing(request) {
                    throw ControlError(
                        .invalid, "the body is empty: expected the keys of model.yaml, or {} for the defaults")
                }
                try await context.controller.put(name, yaml: try Self.text(of: request))
            }
        }
        routes.on(.delete, one) { request in
            try await change(request) { name throws(ControlError) in try await context.controller.delete(name) }
        }
        routes.on(.post, one + "/scale", body: .required) { request in
            // How an update ends is another matter: the count of what serves is what was asked for.
            try await change(request, isDone: \.isScaled) { name throws(ControlError) in
                try await context.controller.scale(name, try Self.scale(of: request))
            }
        }
        routes.on(.post, "/admin/v1/reload") { [context] _ in
            let faults = await context.reloadEverything()
            return try .json(["faults": faults], status: faults.isEmpty ? .ok : HTTPStatus(422))
        }
    }

    /// Makes a change, waits for what comes of it as long as the request says, and tells it.
    private func change(
        _ request: HTTPRequest, isDone: @escaping @Sendable (DeploymentSnapshot) -> Bool = \.isServed,
        _ body: (String) async throws(ControlError) -> Void
    ) async throws -> HTTPResponse {
        let name = request.parameters["name"] ?? ""
        let wait = try Self.wait(of: request)
        do throws(ControlError) {
            try await body(name)
        } catch {
            throw HTTPError(error.code.status, error.message)
        }
        if context.fleet() != nil {
            let document = ChangeDocument(
                deployment: name, message: "the fleet is told; its status shows what becomes of it", done: false,
                state: (try? context.catalog.deployment(name).snapshot.state.rawValue) ?? "loading", reason: nil,
                durable: context.isDurable)
            return try .json(document, status: HTTPStatus(202))
        }
        guard let deployment = try? context.catalog.deployment(name) else {
            let document = ChangeDocument(
                deployment: name, message: "\(name) is taken out of service", done: true, state: "gone", reason: nil,
                durable: context.isDurable)
            return try .json(document)
        }
        let snapshot = await deployment.settled(within: wait, or: isDone)
        let document = ChangeDocument(
            deployment: name, message: snapshot.progress, done: isDone(snapshot), state: snapshot.state.rawValue,
            reason: snapshot.reason, durable: context.isDurable)
        return try .json(document, status: document.done ? .ok : HTTPStatus(202))
    }

    private static func scale(of request: HTTPRequest) throws(ControlError) -> ScaleRequest {
        let text = try text(of: request)
        do throws(ConfigurationErrors) {
            return try ScaleRequest(json: text)
        } catch {
            throw ControlError(.invalid, error.description)
        }
    }

    private static func isNothing(_ request: HTTPRequest) throws(ControlError) -> Bool {
        let text = try text(of: request).drop(while: \.isWhitespace)
        return text.isEmpty || text.wholeMatch(of: /(null|~)\s*/) != nil
    }

    /// The size that a configuration may have, as a file. Each byte may become a node of a tree, of some hundred bytes.
    private static let maxBytes = 64 << 10

    private static func text(of request: HTTPRequest) throws(ControlError) -> String {
        guard request.body.count <= maxBytes else {
            throw ControlError(.invalid, "the body is larger than the \(maxBytes >> 10) KiB that it may have")
        }
        guard let text = String(validating: request.body, as: UTF8.self) else {
            throw ControlError(.invalid, "the body is not UTF-8")
        }
        return text
    }

    /// `?wait=10s`; zero if it isn't given.
    private static func wait(of request: HTTPRequest) throws(HTTPError) -> Duration {
        guard let text = request.query("wait") else { return .zero }
        guard let match = text.wholeMatch(of: /(0|[1-9][0-9]{0,4})(ms|s)/), let number = Int(match.1) else {
            throw HTTPError(.badRequest, "query parameter wait: expected a time such as 10s or 500ms, got \(text)")
        }
        let wait: Duration = match.2 == "s" ? .seconds(number) : .milliseconds(number)
        guard wait <= .seconds(60) else {
            throw HTTPError(.badRequest, "query parameter wait: expected at most 60s, got \(text)")
        }
        return wait
    }
}

extension AdminContext {
    fileprivate func deployment(of request: HTTPRequest) throws(HTTPError) -> Deployment {
        let name = request.parameters["name"] ?? ""
        guard let deployment = try? catalog.deployment(name) else {
            throw HTTPError(.notFound, "deployment \"\(name)\" is not found")
        }
        return deployment
    }
}

extension ControlError.Code {
    fileprivate var status: HTTPStatus {
        switch self {
        case .notFound: .notFound
        case .invalid: .badRequest
        case .conflict: HTTPStatus(409)
        case .unavailable: .serviceUnavailable
        }
    }
}

extension DeploymentSnapshot {
    /// What goes on, in a sentence.
    fileprivate var progress: String {
        let (ready, wanted) = replicas
        let each = controller.wanted.count > 1 ? ", of \(controller.wanted.count) versions together" : ""
        let count =
            "\(wanted) \(wanted == 1 ? "replica is" : "replicas are") wanted\(each), \(ready) \(ready == 1 ? "is" : "are") ready"
        switch state {
        case .ready, .asleep: return count
        case .loading: return "it is being loaded; \(count)"
        case .updating: return "a new version is on its way beside the one in service; \(count)"
        case .halted: return "the update was halted, what served before goes on; \(count)"
        case .failed: return "it can't be served"
        }
    }
}
