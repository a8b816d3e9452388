import MantaConfig
import MantaController
package import MantaCore
import MantaServing

/// The model repository extension of the protocol: which models there are, and taking them into and out of service.
package struct RepositoryService: Sendable {
    /// A version, or a model that has none in service.
    package struct Entry: Encodable, Sendable {
        /// The model.
        package let name: String
        /// Its version.
        package var version: String?
        /// READY, LOADING or UNAVAILABLE.
        package var state: String?
        /// Why it isn't ready.
        package var reason: String?
    }

    /// What a client wants loaded in place of what is in the repository.
    package struct Override: Sendable {
        /// The model's configuration, as JSON in the form of Triton's `ModelConfig`.
        package var configuration: String?
        /// Files in place of those in the repository, by path within the model's folder, such as `1/model.onnx`.
        package var files: [String: [UInt8]]

        /// Nothing.
        package init(configuration: String? = nil, files: [String: [UInt8]] = [:]) {
            (self.configuration, self.files) = (configuration, files)
        }
    }

    private let catalog: ModelCatalog
    private let controller: Controller
    private let allowsControl: Bool

    init(catalog: ModelCatalog, controller: Controller, allowsControl: Bool) {
        self.catalog = catalog
        self.controller = controller
        self.allowsControl = allowsControl
    }

    /// The models and their versions, ordered by name.
    ///
    /// - Parameter readyOnly: Whether to leave out those that aren't ready.
    /// - Returns: An entry for each version, or for a model that has none.
    package func index(readyOnly: Bool = false) async -> [Entry] {
        let unloaded = await controller.unloadedNames.map { Entry(name: $0, state: "UNAVAILABLE", reason: "unloaded") }
        return (catalog.all.flatMap { Self.entries(of: $0.snapshot) } + unloaded).sorted { $0.name < $1.name }
            .filter { !readyOnly || $0.state == "READY" }
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

    /// How long a client waits for a model to be loaded.
    private static let patience = Duration.seconds(300)

    /// Takes a model into service and waits until it serves; one that serves is looked at anew.
    ///
    /// - Parameters:
    ///   - name: The model.
    ///   - override: What the client wants in place of what is in the repository.
    /// - Throws: ``ServingError`` with the reason if it can't serve.
    package func load(_ name: String, _ override: Override = Override()) async throws(ServingError) {
        try checkControl("load")
        if let text = override.configuration {
            let configuration: DeploymentConfiguration
            do throws(ConfigurationErrors) {
                configuration = try DeploymentConfiguration(tritonJSON: text, name: name)
            } catch {
                throw ServingError(.invalidRequest, "parameter \"config\": \(error)")
            }
            try await translated { () throws(ControlError) in
                try await controller.load(configuration, files: override.files)
            }
        } else {
            guard override.files.isEmpty else {
                throw ServingError(
                    .invalidRequest, "the parameter \"config\" is missing: files are taken only together with it")
            }
            try await translated { () throws(ControlError) in try await controller.setLoaded(name, true) }
        }
        let deployment = try catalog.deployment(name)
        let snapshot = await deployment.settled(within: Self.patience)
        if let reason = snapshot.reason {
            throw ServingError(.invalidRequest, "failed to load \"\(name)\": \(reason)")
        }
        guard snapshot.isSettled else {
            throw ServingError(.modelUnavailable, "\"\(name)\" is still being loaded after \(Self.patience)")
        }
    }

    /// Takes a model out of service. Requests that it has are finished.
    ///
    /// - Throws: ``ServingError``.
    package func unload(_ name: String) async throws(ServingError) {
        try checkControl("unload")
        try await translated { () throws(ControlError) in try await controller.setLoaded(name, false) }
    }

    private func checkControl(_ action: String) throws(ServingError) {
        guard !allowsControl else { return }
        throw ServingError(
            .forbidden, "clients may not \(action) models here: start Manta with --allow-model-control")
    }

    private func translated(_ body: () async throws(ControlError) -> Void) async throws(ServingError) {
        do throws(ControlError) {
            try await body()
        } catch {
            switch error.code {
            case .notFound: throw ServingError(.notFound, error.message)
            case .invalid: throw ServingError(.invalidRequest, error.message)
            case .conflict, .unavailable: throw ServingError(.modelUnavailable, error.message)
            }
        }
    }
}
