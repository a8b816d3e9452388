package import MantaCore

/// What is logged, as the protocol's logging extension tells it.
package final class LogSettings: Sendable {
    /// The value of a setting.
    package enum Value: Sendable, Hashable {
        case bool(Bool)
        case integer(Int64)
        case string(String)
    }

    /// The settings that the server starts with.
    package init() {}

    /// The settings in force.
    package var settings: [String: Value] { [:] }

    /// Changes settings.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the setting. Nothing is changed then.
    package func update(_ changes: [String: Value]) throws(ServingError) {
    }
}
