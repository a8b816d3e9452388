package import MantaCore

/// The binary tensors behind the JSON of a request, taken one after the other.
///
/// They are copied: an engine gets aligned memory, and the body is free as soon as it is read.
@safe package struct BinarySection {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// These bytes, which must outlive the section.
    @unsafe init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    /// The next tensor.
    mutating func tensor(
        _ dataType: DataType, _ shape: Shape, byteCount: Int, of place: @autoclosure () -> Place
    ) throws(ServingError) -> Tensor {
        guard let count = shape.elementCount else {
            throw place().error("shape \(shape) has more elements than can be counted")
        }
        if let width = dataType.byteWidth {
            let (needed, overflow) = count.multipliedReportingOverflow(by: width)
            guard !overflow, needed == byteCount else {
                let size = overflow ? "more bytes than can be counted" : "\(needed) bytes"
                throw place().error("binary_data_size is \(byteCount), but \(dataType.rawValue) \(shape) takes \(size)")
            }
        }
        guard unsafe byteCount <= bytes.count - offset else {
            throw place().error(
                "binary_data_size is \(byteCount), but the body has \(unsafe bytes.count - offset) bytes left for it; the header "
                    + "Inference-Header-Content-Length says where they begin")
        }
        let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
        offset += byteCount
        try unsafe Self.check(own, dataType, count: count, place())
        return unsafe Tensor(dataType, shape: shape, byteCount: byteCount) { unsafe $0.copyMemory(from: own) }
    }

    /// Checks that nothing is left.
    func finish() throws(ServingError) {
        guard unsafe offset == bytes.count else {
            throw ServingError(
                .invalidRequest,
                "\(unsafe bytes.count) bytes follow the JSON, but the inputs' binary_data_size add up to \(offset)")
        }
    }

    /// Checks what a tensor's bytes may be: 0 or 1 for BOOL, lengths that add up for BYTES.
    ///
    /// - Parameters:
    ///   - bytes: The tensor's.
    ///   - dataType: Its type.
    ///   - count: How many elements its shape has.
    ///   - place: Where it is in the request.
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    package static func check(
        _ bytes: UnsafeRawBufferPointer, _ dataType: DataType, count: Int, _ place: @autoclosure () -> Place
    ) throws(ServingError) {
        switch dataType {
        case .bool:
            if let index = unsafe bytes.firstIndex(where: { $0 > 1 }) {
                throw place().error(
                    "element \(index): expected the byte 0 or 1, since it is BOOL, found \(unsafe bytes[index])")
            }
        case .bytes:
            guard unsafe Tensor.elementRanges(in: bytes, count: count) != nil else {
                throw place().error(
                    "its \(bytes.count) bytes aren't \(count) BYTES elements, each a length in 4 bytes and so many bytes"
                )
            }
        default: break
        }
    }
}
