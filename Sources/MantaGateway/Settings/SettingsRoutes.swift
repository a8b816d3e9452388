import FoundationEssentials
import MantaCore
import MantaHTTP
import MantaProtocol
import MantaServing

/// The logging and trace extensions of the protocol over HTTP.
struct SettingsRoutes: Sendable {
    let plane: DataPlane
    /// Whether the listener is for operators.
    let forOperators: Bool

    /// Adds the extensions' routes.
    func register(in routes: inout Routes) {
        routes.on(.get, "/v2/logging") { [plane] _ in try .json(plane.logs.settings) }
        routes.on(.post, "/v2/logging") { request in
            try await .answering { () throws(ServingError) in
                let values = try SettingsCodec.values(request.body, names: Set(plane.logs.settings.keys))
                var changes: [String: LogSettings.Value] = [:]
                for (name, value) in values { changes[name] = try LogSettings.Value(value, of: name) }
                try plane.logs.update(changes, byOperator: forOperators)
                return plane.logs.settings
            }
        }
        for path in ["/v2/trace/setting", "/v2/models/{model}/trace/setting"] {
            routes.on(.get, path) { request in
                try await .answering { () throws(ServingError) in try traces(of: request) }
            }
            routes.on(.post, path) { request in
                try await .answering { () throws(ServingError) in
                    let changes = try SettingsCodec.lists(request.body)
                    try plane.traces.update(changes, of: request.parameters["model"], byOperator: forOperators)
                    return try traces(of: request)
                }
            }
        }
    }

    private func traces(of request: HTTPRequest) throws(ServingError) -> TraceDocument {
        let model = request.parameters["model"]
        if let model { _ = try plane.catalog.deployment(model) }
        return TraceDocument(plane.traces.settings(of: model))
    }
}

/// The trace settings: a list of levels, and one text each for the others.
private struct TraceDocument: Encodable {
    private enum Value: Encodable {
        case list([String])
        case text(String)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .list(let list): try container.encode(list)
            case .text(let text): try container.encode(text)
            }
        }
    }

    private let values: [String: Value]

    init(_ settings: [String: [String]]) {
        values = Dictionary(
            uniqueKeysWithValues: settings.map { name, list in
                (name, name == "trace_level" ? .list(list) : .text(list.first ?? ""))
            })
    }

    func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
}

extension LogSettings.Value {
    /// The value of a setting as it stands in a request.
    fileprivate init(_ value: ParameterValue, of name: String) throws(ServingError) {
        switch value {
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .string(let value): self = .string(value)
        case .double(let value):
            throw ServingError(.invalidRequest, "\(name): expected no fractions, got \(value)")
        }
    }
}
