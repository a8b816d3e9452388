extension Duration {
    /// How long the text says: `250ms`, `10s`, `1.5s`, `2m`; `nil` if it says something else or nothing positive.
    package init?(_ text: String) {
        guard let match = text.wholeMatch(of: /([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m)/), let number = Double(match.1)
        else { return nil }
        let milliseconds: [Substring: Double] = ["ms": 1, "s": 1000, "m": 60_000]
        self = .nanoseconds(Int64((number * (milliseconds[match.2] ?? 0) * 1_000_000).rounded()))
    }

    /// As in messages: `10s`, `250ms`.
    package var text: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    var milliseconds: Double { Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15 }
}

/// Numbers for people.
enum Quantity {
    /// Two or three figures, as many as tell something: `0.31`, `12.5`, `1353`; a dash if it isn't known.
    static func short(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        switch value.magnitude {
        case ..<10: return fixed(value, digits: 2)
        case ..<100: return fixed(value, digits: 1)
        default: return fixed(value, digits: 0)
        }
    }

    /// So many digits after the point.
    static func fixed(_ value: Double, digits: Int) -> String {
        guard value.magnitude < 1e15 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((value.magnitude * scale).rounded())
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int64(scale))
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let text = String(rest)
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - text.count))\(text)"
    }

    /// `42 s`, `3 min`, `2 h`, `5 d`: how long something has been there.
    static func age(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return "-" }
        switch seconds {
        case ..<120: return "\(Int(seconds)) s"
        case ..<7200: return "\(Int(seconds / 60)) min"
        case ..<172_800: return "\(Int(seconds / 3600)) h"
        default: return "\(Int(min(seconds / 86_400, 1e9))) d"
        }
    }

    /// `512 B`, `55.2 MiB`.
    static func bytes(_ count: Int) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(count), "B")
        for next in units where value >= 1024 { (value, unit) = (value / 1024, next) }
        return unit == "B" ? "\(count) B" : "\(fixed(value, digits: 1)) \(unit)"
    }

    /// `1 row`, `3 rows`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
