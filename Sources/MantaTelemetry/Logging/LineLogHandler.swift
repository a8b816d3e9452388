public import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Writes log lines to standard error as `key=value` pairs (logfmt): read by people and by machines.
///
/// `2026-05-04T12:00:00.123Z info Model is ready model=digits-svm version=1`
///
/// A line is written with one system call, so that lines of several processes don't mix.
public struct LineLogHandler: LogHandler {
    /// Values that go with each line.
    public var metadata: Logger.Metadata = [:]
    private let filter: LogFilter
    /// What holds for this logger alone.
    private var ownLevel: Logger.Level?

    /// A handler for the lines that a filter lets through.
    public init(filter: LogFilter) {
        self.filter = filter
    }

    /// The least severe level written: the filter's, unless it was set for this logger.
    public var logLevel: Logger.Level {
        get { ownLevel ?? filter.lowest }
        set { ownLevel = newValue }
    }

    /// One value that goes with each line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        guard ownLevel != nil || filter.allows(event.level) else { return }
        var line = Timestamp.now().description
        line += " "
        line += event.level.rawValue
        line += " "
        line += event.message.description
        var all = metadata
        if let more = event.metadata { all.merge(more) { $1 } }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += " "
            line += key
            line += "="
            line += Self.quotedIfNeeded(value.description)
        }
        line += "\n"
        line.withUTF8 { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// In quotes if it has a space, a quote, an equals sign or a control character, which are then escaped.
    private static func quotedIfNeeded(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F && $0 != 0x5C }
        if isPlain, !value.isEmpty { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                quoted += "\\u{\(String(scalar.value, radix: 16))}"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
