/// The fields of a message in protobuf's wire format, one after the other, as they stand in memory.
///
/// Only their keys and lengths are read. See "Encoding" in protobuf's documentation.
@safe package struct WireFields {
    /// A field.
    @safe package struct Field {
        /// Its number.
        package let number: Int
        /// All of it, its key included.
        package let bytes: UnsafeRawBufferPointer
        /// What it holds if that has a length of its own: bytes, a text, a message.
        package let content: UnsafeRawBufferPointer?
        /// What it holds if that is a whole number of variable length.
        package let number64: UInt64?
    }

    /// The bytes aren't a message.
    package struct Malformed: Error {}

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// The fields in these bytes, which must outlive this.
    @unsafe package init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    /// The next field.
    ///
    /// - Throws: ``Malformed`` if there is none although there are bytes.
    @unsafe package mutating func next() throws(Malformed) -> Field? {
        guard unsafe offset < bytes.count else { return nil }
        let start = offset
        let key = try varint()
        guard let number = Int(exactly: key >> 3), number > 0 else { throw Malformed() }
        var content: Range<Int>?
        var number64: UInt64?
        switch key & 7 {
        case 0: number64 = try varint()
        case 1: try skip(8)
        case 2:
            let length = try varint()
            let begin = offset
            try skip(length)
            content = begin..<offset
        case 5: try skip(4)
        default: throw Malformed()
        }
        return unsafe Field(
            number: number, bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]),
            content: content.map { unsafe UnsafeRawBufferPointer(rebasing: bytes[$0]) }, number64: number64)
    }

    private mutating func skip(_ count: UInt64) throws(Malformed) {
        guard unsafe count <= UInt64(bytes.count - offset) else { throw Malformed() }
        offset += Int(count)
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard unsafe offset < bytes.count else { throw Malformed() }
            let byte = unsafe bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }
}
