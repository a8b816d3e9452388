import MantaCore

/// Changes of trace settings that were found to be right, to be made together.
struct TraceChange: Sendable {
    // `.some(nil)` takes a value back.
    private var levels: TraceLevels??
    private var rate: Int??
    private var count: Int??
    private var frequency: Int??

    /// Reads the new value of one setting.
    ///
    /// - Parameters:
    ///   - name: The setting.
    ///   - values: Its values; `nil` to take it back.
    ///   - file: Where traces go; `nil` if there can't be any.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the setting.
    mutating func read(_ name: String, _ values: [String]?, file: String?) throws(ServingError) {
        switch name {
        case "trace_level": levels = .some(try Self.levels(values, file: file))
        case "trace_rate": rate = .some(try Self.number(name, values, from: 1))
        case "trace_count": count = .some(try Self.number(name, values, from: -1))
        case "log_frequency": frequency = .some(try Self.number(name, values, from: 0))
        case "trace_file":
            guard values == nil || values == [file ?? ""] else {
                throw ServingError(.invalidRequest, "trace_file: only the option --trace-file of manta serve sets it")
            }
        case "trace_mode":
            guard values == nil || values == ["triton"] else {
                throw ServingError(.invalidRequest, "trace_mode: expected \"triton\", got \(Self.text(values))")
            }
        default:
            throw ServingError(
                .invalidRequest,
                "\(name): there is no such setting; there are trace_level, trace_rate, trace_count and log_frequency")
        }
    }

    /// Makes the changes.
    func apply(to scope: inout TraceScope) {
        if let levels { scope.levels = levels }
        if let rate { scope.rate = rate }
        if let count { scope.count = count }
        if let frequency { scope.frequency = frequency }
    }

    private static func levels(_ values: [String]?, file: String?) throws(ServingError) -> TraceLevels? {
        guard let values else { return nil }
        var levels: TraceLevels = []
        for value in values {
            switch value {
            case "TIMESTAMPS": levels.insert(.timestamps)
            case "TENSORS": levels.insert(.tensors)
            case "OFF" where values == ["OFF"]: return []
            default: levels = []
            }
            guard !levels.isEmpty else { break }
        }
        guard !levels.isEmpty else {
            throw ServingError(
                .invalidRequest, "trace_level: expected OFF, or TIMESTAMPS, TENSORS or both, got \(text(values))")
        }
        guard file != nil else {
            throw ServingError(
                .invalidRequest, "trace_level: traces have no place to go; start Manta with --trace-file FILE")
        }
        return levels
    }

    private static func number(
        _ name: String, _ values: [String]?, from least: Int
    ) throws(ServingError) -> Int? {
        guard let values else { return nil }
        guard values.count == 1, let number = Int(values[0]), number >= least else {
            throw ServingError(
                .invalidRequest, "\(name): expected an integer of at least \(least), got \(text(values))")
        }
        return number
    }

    private static func text(_ values: [String]?) -> String {
        (values ?? []).map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
