/// What is traced of each request.
struct TraceLevels: OptionSet, Sendable, Hashable {
    let rawValue: UInt8

    /// When it came to each part of its way.
    static let timestamps = TraceLevels(rawValue: 1)
    /// What is in its inputs and outputs.
    static let tensors = TraceLevels(rawValue: 2)
}

/// Trace settings of the server, which has all, or those that a model has of its own.
struct TraceScope: Sendable, Hashable {
    /// Nothing if requests aren't traced.
    var levels: TraceLevels?
    /// One of so many requests is traced.
    var rate: Int? { didSet { seen = 0 } }
    /// How many more requests are traced; -1 for all.
    var count: Int?
    /// How many traces go into a file before the next is begun; 0 for all.
    var frequency: Int?
    /// Requests since the last that was traced.
    private var seen = 0

    /// No settings.
    init() {}

    /// What the server starts with.
    static var initial: TraceScope {
        var scope = TraceScope()
        (scope.levels, scope.rate, scope.count, scope.frequency) = ([], 1000, -1, 0)
        return scope
    }

    var isEmpty: Bool { levels == nil && rate == nil && count == nil && frequency == nil }

    /// These settings, but for those that the other has.
    func overridden(by other: TraceScope) -> TraceScope {
        var scope = self
        if let levels = other.levels { scope.levels = levels }
        if let rate = other.rate { (scope.rate, scope.seen) = (rate, other.seen) }
        if let count = other.count { scope.count = count }
        if let frequency = other.frequency { scope.frequency = frequency }
        return scope
    }

    /// One more request came. Whether it is the one of ``rate`` that is traced.
    mutating func isDue() -> Bool {
        seen += 1
        guard seen >= rate ?? 1 else { return false }
        seen = 0
        return true
    }

    /// One more request is traced.
    mutating func spend() {
        if let count, count > 0 { self.count = count - 1 }
    }

    /// As the protocol tells them.
    var texts: [String: [String]] {
        let levels = levels ?? []
        var names: [String] = []
        if levels.contains(.timestamps) { names.append("TIMESTAMPS") }
        if levels.contains(.tensors) { names.append("TENSORS") }
        return [
            "trace_level": names.isEmpty ? ["OFF"] : names, "trace_rate": [String(rate ?? 0)],
            "trace_count": [String(count ?? 0)], "log_frequency": [String(frequency ?? 0)],
        ]
    }
}
