extension Tensor {
    /// What is wrong with bytes that came from outside, as the elements of a tensor; `nil` if nothing is.
    ///
    /// BOOL is one byte 0 or 1, and the lengths of BYTES add up. That numbers are as many bytes as they need is for the
    /// caller to see.
    ///
    /// - Parameters:
    ///   - bytes: The bytes, which nobody else may be able to write.
    ///   - dataType: The type.
    ///   - count: How many elements the shape has.
    /// - Returns: What is wrong, in words that follow a tensor's name.
    public static func fault(in bytes: UnsafeRawBufferPointer, _ dataType: DataType, count: Int) -> String? {
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
