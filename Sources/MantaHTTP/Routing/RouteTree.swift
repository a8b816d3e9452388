/// Finds which of many paths a request's path is, one segment after the other.
struct RouteTree: Sendable {
    private struct Node: Sendable {
        var literals: [(text: [UInt8], node: Int)] = []
        /// Those with longer suffixes first.
        var parameters: [(suffix: [UInt8], node: Int)] = []
        /// The route that ends here.
        var route: Int?
    }

    private var nodes = [Node()]

    /// Adds a path.
    ///
    /// - Parameters:
    ///   - path: One that isn't there yet.
    ///   - route: What ``find(_:)`` answers for it.
    mutating func insert(_ path: RoutePath, route: Int) {
        var node = 0
        for segment in path.segments {
            switch segment {
            case .literal(let text):
                if let next = nodes[node].literals.first(where: { $0.text == text }) {
                    node = next.node
                } else {
                    nodes.append(Node())
                    nodes[node].literals.append((text, nodes.count - 1))
                    node = nodes.count - 1
                }
            case .parameter(let suffix):
                if let next = nodes[node].parameters.first(where: { $0.suffix == suffix }) {
                    node = next.node
                } else {
                    nodes.append(Node())
                    nodes[node].parameters.append((suffix, nodes.count - 1))
                    nodes[node].parameters.sort { $0.suffix.count > $1.suffix.count }
                    node = nodes.count - 1
                }
            }
        }
        nodes[node].route = route
    }

    /// The route of a path, and where its parameters are, by bytes.
    ///
    /// In each segment a literal comes before a parameter, and a parameter with a longer suffix before one with a
    /// shorter.
    func find(_ path: Span<UInt8>) -> (route: Int, parameters: [Range<Int>])? {
        var parameters: [Range<Int>] = []
        guard let route = find(path, from: 0, node: 0, &parameters) else { return nil }
        return (route, parameters)
    }

    // The next segment's slash is at `start`.
    private func find(_ path: Span<UInt8>, from start: Int, node: Int, _ parameters: inout [Range<Int>]) -> Int? {
        guard start < path.count else { return nodes[node].route }
        guard path[start] == UInt8(ascii: "/") else { return nil }
        var end = start + 1
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        let segment = start + 1..<end
        for literal in nodes[node].literals where Self.equal(path, segment, literal.text) {
            if let route = find(path, from: end, node: literal.node, &parameters) { return route }
        }
        for parameter in nodes[node].parameters {
            let value = segment.dropLast(parameter.suffix.count)
            guard !value.isEmpty, Self.equal(path, value.endIndex..<end, parameter.suffix) else { continue }
            parameters.append(value.startIndex..<value.endIndex)
            if let route = find(path, from: end, node: parameter.node, &parameters) { return route }
            parameters.removeLast()
        }
        return nil
    }

    private static func equal(_ path: Span<UInt8>, _ range: Range<Int>, _ text: [UInt8]) -> Bool {
        guard range.count == text.count else { return false }
        for (index, byte) in zip(range, text) where path[index] != byte { return false }
        return true
    }
}
