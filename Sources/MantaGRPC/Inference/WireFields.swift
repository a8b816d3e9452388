/// The fields of a message in protobuf's wire format, one after the other, as they stand in memory.
@safe struct WireFields {
    /// A field.
    @safe struct Field {
        /// Its number.
        let number: Int
        /// All of it, its key included.
        let bytes: UnsafeRawBufferPointer
        /// What it holds if that has a length of its own: bytes, a text, a message.
        let content: UnsafeRawBufferPointer?
    }

    /// What isn't a message.
    static let malformed = GRPCError(.invalidArgument, "the message isn't a ModelInferRequest")

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// The fields in these bytes, which must outlive this.
    @unsafe init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    /// The next field.
    ///
    /// - Throws: ``GRPCError`` if there is none although there are bytes.
    @unsafe mutating func next() throws(GRPCError) -> Field? {
        guard unsafe offset < bytes.count else { return nil }
        let start = offset
        let key = try varint()
        guard let number = Int(exactly: key >> 3), number > 0 else { throw Self.malformed }
        var content: Range<Int>?
        switch key & 7 {
        case 0: _ = try varint()
        case 1: try skip(8)
        case 2:
            let length = try varint()
            let begin = offset
            try skip(length)
            content = begin..<offset
        case 5: try skip(4)
        default: throw Self.malformed
        }
        return unsafe Field(
            number: number, bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]),
            content: content.map { unsafe UnsafeRawBufferPointer(rebasing: bytes[$0]) })
    }

    private mutating func skip(_ count: UInt64) throws(GRPCError) {
        guard unsafe count <= UInt64(bytes.count - offset) else { throw Self.malformed }
        offset += Int(count)
    }

    private mutating func varint() throws(GRPCError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard unsafe offset < bytes.count else { throw Self.malformed }
            let byte = unsafe bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Self.malformed
    }
}
