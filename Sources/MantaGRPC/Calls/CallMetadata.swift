/// Header fields, or trailers, of a call in their order. Their names are in small letters, as HTTP/2 has them.
struct CallMetadata: Sendable {
    private(set) var fields: [(name: String, value: String)] = []

    /// Adds a field, also to others of its name.
    mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

    /// The first value under a name.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// All values under a name.
    func values(of name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
}
