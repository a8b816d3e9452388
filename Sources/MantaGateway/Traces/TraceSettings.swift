package import MantaCore
package import MantaServing
import MantaTime
import Synchronization

/// What is traced, for the server and for single models, and which requests are.
///
/// While nothing is traced, a request costs one look at a flag.
package final class TraceSettings: Sendable {
    private struct State {
        var server = TraceScope.initial
        var models: [String: TraceScope] = [:]
        var lastID: UInt64 = 0

        /// What holds for a model.
        func effective(for model: String?) -> TraceScope {
            server.overridden(by: model.flatMap { models[$0] } ?? TraceScope())
        }
    }

    private let catalog: ModelCatalog?
    private let log: TraceLog?
    private let access: SettingsAccess
    private let state = Mutex(State())
    /// Whether anything may be traced.
    private let isOn = Atomic(false)

    /// The settings that the server starts with: nothing is traced.
    ///
    /// - Parameters:
    ///   - catalog: The models that there are; `nil` to take any name for one.
    ///   - log: Where traces go; without it there are none.
    ///   - allowsClients: Whether clients may change them, not only operators.
    package init(catalog: ModelCatalog? = nil, log: TraceLog? = nil, allowsClients: Bool = false) {
        (self.catalog, self.log) = (catalog, log)
        access = SettingsAccess(allowsClients: allowsClients)
    }

    // MARK: - Settings

    /// The settings in force.
    ///
    /// - Parameter model: The model; `nil` for the server's.
    /// - Returns: The values by name; all but the levels have one.
    package func settings(of model: String?) -> [String: [String]] {
        var settings = state.withLock { $0.effective(for: model) }.texts
        settings["trace_file"] = [log?.path ?? ""]
        settings["trace_mode"] = ["triton"]
        return settings
    }

    /// Changes settings.
    ///
    /// - Parameters:
    ///   - changes: The new values by name; `nil` takes a value back, so that the server's or the first one holds.
    ///   - model: The model; `nil` for the server's.
    ///   - byOperator: Whether it came by the admin listener.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the setting, `notFound` or `forbidden`.
    ///   Nothing is changed then.
    package func update(
        _ changes: [String: [String]?], of model: String?, byOperator: Bool = false
    ) throws(ServingError) {
        try access.check("what is traced", byOperator: byOperator)
        if let model { _ = try catalog?.deployment(model) }
        var read = TraceChange()
        for (name, values) in changes.sorted(by: { $0.key < $1.key }) {
            try read.read(name, values, file: log?.path)
        }
        let change = read
        state.withLock { state in
            if let model {
                var scope = state.models[model] ?? TraceScope()
                change.apply(to: &scope)
                state.models[model] = scope.isEmpty ? nil : scope
            } else {
                change.apply(to: &state.server)
                state.server = TraceScope.initial.overridden(by: state.server)
            }
            let scopes = [state.server] + state.models.values
            isOn.store(scopes.contains { $0.levels?.isEmpty == false }, ordering: .relaxed)
        }
    }

    // MARK: - Traces

    /// A request begins: its trace, if it is to be traced.
    func begin(_ model: String, version: Int?, at started: Instant) -> Trace? {
        guard isOn.load(ordering: .relaxed) else { return nil }
        return state.withLock { state in
            var own = state.models[model] ?? TraceScope()
            let scope = state.server.overridden(by: own)
            guard let levels = scope.levels, !levels.isEmpty, scope.count != 0 else { return nil }
            // Each is counted where it was set.
            let isDue = own.rate != nil ? own.isDue() : state.server.isDue()
            if isDue { if own.count != nil { own.spend() } else { state.server.spend() } }
            if !own.isEmpty { state.models[model] = own }
            guard isDue else { return nil }
            state.lastID += 1
            return Trace(
                id: state.lastID, levels: levels, frequency: scope.frequency ?? 0, model: model, version: version,
                started: started)
        }
    }

    /// A request that is traced has ended.
    func end(_ trace: Trace) { log?.add(trace) }
}
