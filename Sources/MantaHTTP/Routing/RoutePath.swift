/// The pattern of a route's path: segments of which some stand for any text.
struct RoutePath: Sendable {
    enum Segment: Sendable, Equatable {
        case literal([UInt8])
        /// Any text that ends with `suffix`, which isn't part of the parameter.
        case parameter(suffix: [UInt8])
    }

    /// As the route was added: `/v2/models/{model}`.
    let pattern: String
    let segments: [Segment]
    /// The parameters' names, in the order of the segments.
    let names: [String]

    init(_ pattern: String) {
        self.pattern = pattern
        var names: [String] = []
        segments = pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
            guard part.hasPrefix("{"), let end = part.firstIndex(of: "}") else { return .literal(Array(part.utf8)) }
            names.append(String(part[..<end].dropFirst()))
            return .parameter(suffix: Array(part[end...].dropFirst().utf8))
        }
        self.names = names
    }
}
