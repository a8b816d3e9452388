package import MantaCore

/// What is traced, for the server and for single models.
package final class TraceSettings: Sendable {
    /// The settings that the server starts with.
    package init() {}

    /// The settings in force.
    ///
    /// - Parameter model: The model; `nil` for the server's.
    package func settings(of model: String?) -> [String: [String]] {
        [:]
    }

    /// Changes settings.
    ///
    /// - Parameters:
    ///   - changes: The new values by name; `nil` takes a value back, so that the server's or the first one holds.
    ///   - model: The model; `nil` for the server's.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the setting. Nothing is changed then.
    package func update(_ changes: [String: [String]?], of model: String?) throws(ServingError) {
    }
}
