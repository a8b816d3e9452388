/// Finds which of many paths a request's path is, one segment after the other.
struct RouteTree: Sendable {
    private struct Node: Sendable {
        var literals: [(text: [UInt8], node: Int)] = []
        /// Those with longer suffixes first.
        var parameters: [(suffix: [UInt8], node: Int)] = []
        /// The route that ends here.
        var route: Int?
    }

    /// Where the parameters of a path are, by bytes: up to eight.
    struct Parameters {
        private var ranges = InlineArray<8, Range<Int>>(repeating: 0..<0)
        private(set) var count = 0

        var capacity: Int { ranges.count }

        subscript(index: Int) -> Range<Int> { ranges[index] }

        fileprivate mutating func append(_ range: Range<Int>) {
            ranges[count] = range
            count += 1
        }

        fileprivate mutating func removeLast() { count -= 1 }
    }

    private var nodes = [Node()]

    /// Adds a path.
    ///
    /// - Parameters:
    ///   - path: One that isn't there yet, with eight parameters at most.
    ///   - route: What ``find(_:)`` answers for it.
    mutating func insert(_ path: RoutePath, route: Int) {
        precondition(
            path.names.count <= Parameters().capacity, "\(path.pattern) has more parameters than a path may have")
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
    func find(_ path: Span<UInt8>) -> (route: Int, parameters: Parameters)? {
        var parameters = Parameters()
        guard let route = find(path, from: 0, node: 0, &parameters) else { return nil }
        return (route, parameters)
    }

    // The next segment's slash is at `start`.
    private func find(_ path: Span<UInt8>, from start: Int, node: Int, _ parameters: inout Parameters) -> Int? {
        guard start < path.count else { return nodes[node].route }
        guard path[start] == UInt8(ascii: "/") else { return nil }
        var end = start + 1
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        let segment = start + 1..<end
        // Looked at in place: what is copied to be compared costs more than comparing it.
        let nodes = nodes.span
        let literals = nodes[node].literals.span
        for index in literals.indices where Self.equal(path, segment, literals[index].text.span) {
            if let route = find(path, from: end, node: literals[index].node, &parameters) { return route }
        }
        let suffixes = nodes[node].parameters.span
        for index in suffixes.indices {
            let value = segment.dropLast(suffixes[index].suffix.count)
            guard !value.isEmpty, Self.equal(path, value.endIndex..<end, suffixes[index].suffix.span) else { continue }
            parameters.append(value.startIndex..<value.endIndex)
            if let route = find(path, from: end, node: suffixes[index].node, &parameters) { return route }
            parameters.removeLast()
        }
        return nil
    }

    private static func equal(_ path: Span<UInt8>, _ range: Range<Int>, _ text: Span<UInt8>) -> Bool {
        guard range.count == text.count else { return false }
        for index in text.indices where path[range.lowerBound + index] != text[index] { return false }
        return true
    }
}
