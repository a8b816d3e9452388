import CNGHTTP2

/// Header fields that are about to be sent.
struct HeaderBlock {
    private struct Field {
        let name: Range<Int>
        let value: Range<Int>
        let isRepeated: Bool
    }

    private var bytes: [UInt8] = []
    private var fields: [Field] = []

    init() {
        bytes.reserveCapacity(160)
        fields.reserveCapacity(6)
    }

    /// Adds a field.
    ///
    /// - Parameters:
    ///   - name: The name, in small letters.
    ///   - value: The value.
    ///   - isRepeated: Whether other replies on the connection have the same, so that it is worth remembering.
    mutating func add(_ name: String, _ value: String, isRepeated: Bool = true) {
        fields.append(Field(name: append(name), value: append(value), isRepeated: isRepeated))
    }

    private mutating func append(_ text: String) -> Range<Int> {
        let start = bytes.count
        bytes += text.utf8
        return start..<bytes.count
    }

    /// Calls `body` with the fields as nghttp2 takes them. It copies them.
    mutating func withFields<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { list in
                for (index, field) in fields.enumerated() {
                    let flags = field.isRepeated ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX
                    unsafe list.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: bytes.baseAddress.map { unsafe $0 + field.name.lowerBound },
                            value: bytes.baseAddress.map { unsafe $0 + field.value.lowerBound },
                            namelen: field.name.count, valuelen: field.value.count, flags: UInt8(flags.rawValue)))
                }
                return unsafe body(list.baseAddress, fields.count)
            }
        }
    }
}
