/// Header fields in the order given. Names are compared without regard to case.
public struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
    /// The fields.
    public private(set) var fields: [(name: String, value: String)] = []

    /// No fields.
    public init() {}

    /// No fields, with room for some.
    init(minimumCapacity: Int) {
        fields.reserveCapacity(minimumCapacity)
    }

    /// These fields.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { (name: $0.0, value: $0.1) }
    }

    /// The value of the first field of this name.
    public subscript(name: String) -> String? {
        for field in fields where Self.equal(field.name, name) { return field.value }
        return nil
    }

    /// The values of all fields of this name.
    public func values(of name: String) -> [String] {
        fields.filter { Self.equal($0.name, name) }.map(\.value)
    }

    /// How many fields there are of this name.
    func count(of name: String) -> Int {
        fields.reduce(0) { Self.equal($1.name, name) ? $0 + 1 : $0 }
    }

    /// Adds a field.
    public mutating func append(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    private static func equal(_ one: String, _ other: String) -> Bool {
        // Read before the bytes are: most names differ in length.
        guard one.utf8.count == other.utf8.count else { return false }
        let (one, other) = (one.utf8.span, other.utf8.span)
        for index in one.indices where lowercase(one[index]) != lowercase(other[index]) { return false }
        return true
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
}
