/// Finds the shape of arrays in arrays as they are walked through, and where they are no tensor.
struct NestedShape {
    /// What is wrong at ``path``.
    enum Fault {
        case length(found: Int, expected: Int)
        case depth(found: Int, expected: Int)

        var description: String {
            switch self {
            case .length(let found, let expected):
                "has \(found) elements, but the first array beside it has \(expected)"
            case .depth(let found, let expected):
                "is nested \(found) deep, but what comes before it \(expected)"
            }
        }
    }

    /// The place in each array that is open, outermost first.
    private(set) var path: [Int] = []
    /// The length of the first array of each depth that was closed; `nil` until then.
    private var lengths: [Int?] = []
    /// How many arrays each scalar is in.
    private var depth: Int?

    /// The shape, once everything is closed.
    var sizes: [Int] { lengths.compactMap(\.self) }

    /// An array begins.
    mutating func open() {
        path.append(0)
        if lengths.count < path.count { lengths.append(nil) }
    }

    /// A scalar was met.
    mutating func leaf() -> Fault? {
        if let fault = reach(path.count) { return fault }
        step()
        return nil
    }

    /// The innermost array ends.
    mutating func close() -> Fault? {
        guard let length = path.popLast() else { return nil }
        let level = path.count
        if length == 0, let fault = reach(level + 1) { return fault }
        if let expected = lengths[level], expected != length { return .length(found: length, expected: expected) }
        lengths[level] = length
        step()
        return nil
    }

    /// Scalars are in as many arrays as before; an empty array would have its own right in it.
    private mutating func reach(_ found: Int) -> Fault? {
        if let depth, depth != found { return .depth(found: found, expected: depth) }
        depth = found
        return nil
    }

    private mutating func step() {
        if !path.isEmpty { path[path.count - 1] += 1 }
    }
}
