import FoundationEssentials
package import MantaController
import MantaCore
package import MantaHTTP
package import MantaServing

/// The model repository extension of the protocol: which models there are, and taking them into and out of service.
package struct RepositoryRoutes: Sendable {
    private let catalog: ModelCatalog
    private let controller: Controller
    private let allowsControl: Bool

    /// Routes to these models.
    ///
    /// - Parameters:
    ///   - catalog: The models in service.
    ///   - controller: What takes them into and out of service.
    ///   - allowsControl: Whether clients may load and unload. Off, only the index answers.
    package init(catalog: ModelCatalog, controller: Controller, allowsControl: Bool) {
        self.catalog = catalog
        self.controller = controller
        self.allowsControl = allowsControl
    }

    /// Adds the extension's routes.
    package func register(in routes: inout Routes) {
        routes.on(.post, "/v2/repository/index") { request in
            let body: IndexRequest = try Self.decode(request)
            let entries = await index().filter { body.ready != true || $0.state == "READY" }
            return try .json(entries)
        }
        for (action, isLoaded) in [("load", true), ("unload", false)] {
            routes.on(.post, "/v2/repository/models/{model}/" + action) { request in
                guard allowsControl else {
                    throw HTTPError(
                        .forbidden, "clients may not \(action) models here: start Manta with --allow-model-control")
                }
                let body: ControlRequest = try Self.decode(request)
                if let name = (body.parameters ?? [:]).keys.sorted().first(where: {
                    isLoaded || $0 != "unload_dependents"
                }) {
                    throw HTTPError(HTTPStatus(501), "parameter \"\(name)\" is not supported")
                }
                return try await set(request.parameters["model"] ?? "", isLoaded: isLoaded)
            }
        }
    }

    // MARK: - Index

    private struct IndexRequest: Decodable {
        var ready: Bool?
    }

    private struct Entry: Encodable {
        let name: String
        var version: String?
        var state: String?
        var reason: String?
    }

    private func index() async -> [Entry] {
        let unloaded = await controller.unloadedNames.map { Entry(name: $0, state: "UNAVAILABLE", reason: "unloaded") }
        return (catalog.all.flatMap { Self.entries(of: $0.snapshot) } + unloaded).sorted { $0.name < $1.name }
    }

    private static func entries(of snapshot: DeploymentSnapshot) -> [Entry] {
        let name = snapshot.wanted.name
        let routes = snapshot.controller.routes
        var entries: [Int: Entry] = [:]
        for spec in snapshot.controller.wanted {
            let number = spec.version.number
            let reason = snapshot.controller.halted[spec]
            let state = reason == nil ? "LOADING" : "UNAVAILABLE"
            entries[number] = Entry(name: name, version: String(number), state: state, reason: reason)
        }
        for number in Array(routes.versions.keys) + snapshot.asleep {
            entries[number] = Entry(name: name, version: String(number), state: "READY")
        }
        if entries.isEmpty { return [Entry(name: name, state: "UNAVAILABLE", reason: snapshot.reason)] }
        return entries.sorted { $0.key < $1.key }.map(\.value)
    }

    // MARK: - Load and unload

    private struct ControlRequest: Decodable {
        /// A value of any kind; which ones there are is all that matters.
        struct Anything: Decodable {
            init(from _: any Decoder) {}
        }

        var parameters: [String: Anything]?
    }

    /// How long a client waits for a model to be loaded.
    private static let patience = Duration.seconds(300)

    private func set(_ name: String, isLoaded: Bool) async throws -> HTTPResponse {
        do throws(ControlError) {
            try await controller.setLoaded(name, isLoaded)
        } catch {
            throw HTTPError(error.code == .notFound ? .notFound : .serviceUnavailable, error.message)
        }
        guard isLoaded else { return HTTPResponse() }
        guard let deployment = try? catalog.deployment(name) else {
            throw HTTPError(.notFound, "model \"\(name)\" is no longer in a repository")
        }
        let snapshot = await deployment.settled(within: Self.patience)
        if let reason = snapshot.reason {
            throw HTTPError(.badRequest, "failed to load \"\(name)\": \(reason)")
        }
        guard snapshot.isSettled else {
            throw HTTPError(.serviceUnavailable, "\"\(name)\" is still being loaded after \(Self.patience)")
        }
        return HTTPResponse()
    }

    /// The body; one that is empty says nothing.
    private static func decode<Body: Decodable>(_ request: HTTPRequest) throws(HTTPError) -> Body {
        let bytes = request.body.isEmpty ? Array("{}".utf8) : request.body
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)) else {
            throw HTTPError(.badRequest, "the body is not what is expected: {\"ready\": true} or {\"parameters\": {…}}")
        }
        return body
    }
}
