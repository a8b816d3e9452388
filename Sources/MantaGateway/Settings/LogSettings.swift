import Logging
package import MantaCore
package import MantaTelemetry
import Synchronization

/// What is logged, as the protocol's logging extension tells it.
///
/// Verbose level 1 writes debugging messages, 2 and more everything. Lines go to standard error and begin with a time as
/// ISO 8601 writes it; neither can be changed.
package final class LogSettings: Sendable {
    /// The value of a setting.
    package enum Value: Sendable, Hashable {
        case bool(Bool)
        case integer(Int64)
        case string(String)
    }

    private let filter: LogFilter
    private let access: SettingsAccess
    /// What was asked for: levels above 2 write the same, but are told as they were set.
    private let verboseLevel: Mutex<Int64>

    /// The settings that the server starts with.
    ///
    /// - Parameters:
    ///   - filter: What the running loggers go by.
    ///   - allowsClients: Whether clients may change them, not only operators.
    package init(filter: LogFilter = LogFilter(), allowsClients: Bool = false) {
        self.filter = filter
        access = SettingsAccess(allowsClients: allowsClients)
        verboseLevel = Mutex(filter.allows(.trace) ? 2 : filter.allows(.debug) ? 1 : 0)
    }

    /// The settings in force.
    package var settings: [String: Value] {
        [
            "log_file": .string(""), "log_format": .string(Self.format), "log_info": .bool(filter.allows(.info)),
            "log_warning": .bool(filter.allows(.warning)), "log_error": .bool(filter.allows(.error)),
            "log_verbose_level": .integer(verboseLevel.withLock { $0 }),
        ]
    }

    /// Changes settings. Names that there aren't are passed over, as Triton does.
    ///
    /// - Parameters:
    ///   - changes: The new values by name.
    ///   - byOperator: Whether it came by the admin listener.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the setting, or `forbidden`. Nothing is changed
    ///   then.
    package func update(_ changes: [String: Value], byOperator: Bool = false) throws(ServingError) {
        try access.check("what is logged", byOperator: byOperator)
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) { try Self.check(name, value) }
        verboseLevel.withLock { verbose in
            for (name, levels) in Self.switches {
                guard case .bool(let isWritten) = changes[name] else { continue }
                for level in levels { filter.set(level, isWritten) }
            }
            guard case .integer(let number) = changes["log_verbose_level"] else { return }
            verbose = number
            filter.set(.debug, number >= 1)
            filter.set(.trace, number >= 2)
        }
    }

    private static let format = "ISO8601"

    private static let switches: KeyValuePairs<String, [Logger.Level]> = [
        "log_info": [.info, .notice], "log_warning": [.warning], "log_error": [.error],
    ]

    private static func check(_ name: String, _ value: Value) throws(ServingError) {
        let expected: String
        switch (name, value) {
        case ("log_info", .bool), ("log_warning", .bool), ("log_error", .bool): return
        case ("log_info", _), ("log_warning", _), ("log_error", _): expected = "true or false"
        case ("log_verbose_level", .integer(let level)) where level >= 0: return
        case ("log_verbose_level", _): expected = "an integer of at least 0"
        case ("log_file", .string("")): return
        case ("log_file", _): expected = "\"\", since Manta logs to standard error: redirect that"
        case ("log_format", .string(format)): return
        case ("log_format", _): expected = "\"\(format)\", since that is how the times of lines are written"
        default: return
        }
        throw ServingError(.invalidRequest, "\(name): expected \(expected), got \(value)")
    }
}

extension LogSettings.Value: CustomStringConvertible {
    /// As in JSON, but for what a string would escape.
    package var description: String {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        }
    }
}

extension LogSettings.Value: Encodable {
    /// Writes the plain value.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        }
    }
}
