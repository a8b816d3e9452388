extension Tensor {
    /// Why a tensor from outside can't have so many bytes; `nil` if it can.
    ///
    /// - Parameters:
    ///   - byteCount: How many bytes it is said to have.
    ///   - dataType: Its type.
    ///   - shape: Its shape, with sizes of at least 0.
    ///   - source: What says how many bytes it has, in words before the number.
    /// - Returns: What is wrong, in words that follow a tensor's name.
    public static func fault(
        in byteCount: Int, of dataType: DataType, _ shape: Shape, source: @autoclosure () -> String
    ) -> String? {
        guard let count = shape.elementCount else { return "shape \(shape) has more elements than can be counted" }
        guard let width = dataType.byteWidth else { return nil }
        let (needed, overflow) = count.multipliedReportingOverflow(by: width)
        if !overflow, needed == byteCount { return nil }
        let size = overflow ? "more bytes than can be counted" : "\(needed) bytes"
        return "\(source()) \(byteCount), but \(dataType.rawValue) \(shape) takes \(size)"
    }

    /// What is wrong with bytes that came from outside, as the elements of a tensor; `nil` if nothing is.
    ///
    /// BOOL is one byte 0 or 1, and the lengths of BYTES add up. That numbers are as many bytes as they need is for the
    /// caller to see.
    ///
    /// - Parameters:
    ///   - bytes: The bytes, which nobody else may be able to write.
    ///   - dataType: The type.
    ///   - shape: The shape.
    /// - Returns: What is wrong, in words that follow a tensor's name.
    public static func fault(in bytes: UnsafeRawBufferPointer, _ dataType: DataType, _ shape: Shape) -> String? {
        let count = shape.elementCount ?? 0
        switch dataType {
        case .bool:
            guard let index = unsafe bytes.firstIndex(where: { $0 > 1 }) else { return nil }
            return "element \(index): expected the byte 0 or 1, since it is BOOL, found \(unsafe bytes[index])"
        case .bytes:
            guard unsafe elementRanges(in: bytes, count: count) == nil else { return nil }
            return "its \(bytes.count) bytes aren't \(count) BYTES elements, each a length in 4 bytes and so many bytes"
        default: return nil
        }
    }
}
