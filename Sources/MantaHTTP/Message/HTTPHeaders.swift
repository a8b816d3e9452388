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
        // Looked at in place: most fields are passed over.
        let fields = fields.span
        for index in fields.indices where Self.equal(fields[index].name, name) { return fields[index].value }
        return nil
    }

    /// The values of all fields of this name.
    public func values(of name: String) -> [String] {
        fields.filter { Self.equal($0.name, name) }.map(\.value)
    }

    /// How many fields there are of this name.
    func count(of name: String) -> Int {
        var count = 0
        let fields = fields.span
        for index in fields.indices where Self.equal(fields[index].name, name) { count += 1 }
        return count
    }

    /// What all fields take on the wire.
    var byteCount: Int {
        var count = 0
        let fields = fields.span
        for index in fields.indices { count += fields[index].name.utf8.count + fields[index].value.utf8.count + 4 }
        return count
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
