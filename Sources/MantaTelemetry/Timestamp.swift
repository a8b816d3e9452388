import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// A time of day, to the millisecond: of log lines and events. Setting the machine's clock moves it.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Since the beginning of 1970 in UTC.
    public let milliseconds: Int64

    /// The time so many milliseconds after the beginning of 1970 in UTC.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The machine's time of day.
    public static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Whether the first is the earlier.
    public static func < (first: Timestamp, second: Timestamp) -> Bool {
        first.milliseconds < second.milliseconds
    }
}

extension Timestamp: CustomStringConvertible {
    /// As RFC 3339 writes it, in UTC: `2026-05-04T12:00:00.123Z`.
    public var description: String {
        let (second, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var seconds = time_t(fraction < 0 ? second - 1 : second)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let day = unsafe "\(parts.tm_year + 1900)-\(Self.two(parts.tm_mon + 1))-\(Self.two(parts.tm_mday))"
        let clock = unsafe "\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec))"
        let rest = fraction < 0 ? fraction + 1000 : fraction
        return "\(day)T\(clock).\(rest < 10 ? "00" : rest < 100 ? "0" : "")\(rest)Z"
    }

    private static func two(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : String(number)
    }
}

extension Timestamp: Encodable {
    /// Writes the text of ``description``.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
