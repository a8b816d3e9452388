/// The pattern of a route's path: segments of which some stand for any text.
struct RoutePath: Sendable {
    private enum Segment: Sendable {
        case literal([UInt8])
        /// Any text that ends with `suffix`, which isn't part of the parameter.
        case parameter(String, suffix: [UInt8])
    }

    enum Match: Sendable {
        case matches(PathParameters)
        case differs
        /// A parameter's escape is broken.
        case malformed
    }

    /// As the route was added: `/v2/models/{model}`.
    let pattern: String
    private let segments: [Segment]

    init(_ pattern: String) {
        self.pattern = pattern
        segments = pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
            guard part.hasPrefix("{"), let end = part.firstIndex(of: "}") else { return .literal(Array(part.utf8)) }
            return .parameter(
                String(part[..<end].dropFirst()), suffix: Array(part[end...].dropFirst().utf8))
        }
    }

    /// Compares a request's path, which is as sent, and decodes its parameters.
    ///
    /// Each request is compared with most routes, so nothing is allocated but parameters.
    func match(_ path: Substring) -> Match {
        var rest = path.utf8
        var parameters: [(name: String, value: String)] = []
        for segment in segments {
            guard rest.popFirst() == UInt8(ascii: "/") else { return .differs }
            switch segment {
            case .literal(let text):
                guard rest.starts(with: text) else { return .differs }
                rest.removeFirst(text.count)
            case .parameter(let name, let suffix):
                let text = rest.prefix { $0 != UInt8(ascii: "/") }
                guard text.count > suffix.count, text.suffix(suffix.count).elementsEqual(suffix) else {
                    return .differs
                }
                guard let value = PercentEncoding.decode(Substring(text.dropLast(suffix.count))) else {
                    return .malformed
                }
                parameters.append((name, value))
                rest = rest[text.endIndex...]
            }
        }
        return rest.isEmpty ? .matches(PathParameters(parameters)) : .differs
    }
}
