/// Where a request belongs in the trace of whoever sent it: its headers `traceparent` and `tracestate` (W3C Trace Context,
/// sections 3.2 and 3.3).
///
/// Manta adds nothing to the trace; it hands on what came. An object, so that a request that has none carries a word.
///
/// ```swift
/// let trace = TraceContext(parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
/// trace?.id  // 4bf92f3577b34da6a3ce929d0e0e4736
/// ```
public final class TraceContext: Sendable {
    /// The `traceparent` as it came.
    public let parent: String
    /// The `tracestate`, if there is one.
    public let state: String?

    /// As much of a `tracestate` as has to be handed on.
    private static let maxState = 512

    /// The context that these fields give; `nil` if `traceparent` isn't one, as whose sender then has no trace.
    ///
    /// - Parameters:
    ///   - parent: The value of `traceparent`.
    ///   - states: The values of all fields `tracestate`. What can't be one is left out, and of what is too long the end.
    public init?(parent: String, states: [String] = []) {
        guard Self.isParent(parent) else { return nil }
        self.parent = parent
        state = Self.combined(states)
    }

    /// The trace's id, 32 hexadecimal digits.
    public var id: String { String(parent.dropFirst(3).prefix(32)) }

    /// `00-`, the trace's id, `-`, the caller's, `-` and flags, all in lower-case hexadecimal digits, the ids not all zero.
    /// A later version may have more behind another `-`.
    private static func isParent(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.prefix(4).map(\.count) == [2, 32, 16, 2], parts.prefix(4).allSatisfy(isDigits),
            parts[1...2].allSatisfy({ $0.contains { $0 != UInt8(ascii: "0") } })
        else { return false }
        if parts[0].elementsEqual("00".utf8) { return parts.count == 4 }
        // It is handed on as it is.
        return !parts[0].elementsEqual("ff".utf8) && text.utf8.count <= maxState && text.utf8.allSatisfy(isPrintable)
    }

    private static func isDigits(_ text: Substring.UTF8View) -> Bool {
        text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func isPrintable(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) || byte == 0x09 }

    private static func combined(_ states: [String]) -> String? {
        let text = states.joined(separator: ",")
        guard !text.isEmpty, text.utf8.allSatisfy(isPrintable) else { return nil }
        guard text.utf8.count > maxState else { return text }
        // The oldest entries are last.
        var (kept, length): ([Substring], Int) = ([], -1)
        for entry in text.split(separator: ",") {
            length += entry.utf8.count + 1
            guard length <= maxState else { break }
            kept.append(entry)
        }
        return kept.isEmpty ? nil : kept.joined(separator: ",")
    }
}
