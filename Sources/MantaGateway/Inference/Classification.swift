#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import MantaCore

/// Triton's classification extension: the largest elements of an output in place of all of them, as text.
///
/// Each is `VALUE:INDEX`, with `:LABEL` behind it if the index has one; the largest comes first, of equal ones the one of
/// the lower index, and NaN comes last.
struct Classification {
    /// How many are wanted; fewer if there are no more elements.
    let count: Int
    /// What each index is called.
    let labels: [String]
    /// Whether each row has classes of its own.
    let hasRows: Bool

    /// Checks that elements of a type can be classes.
    ///
    /// - Parameters:
    ///   - count: How many classes are wanted.
    ///   - dataType: The output's type; `nil` if there is no such output, of which others complain.
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    static func check(_ count: Int, of dataType: DataType?) throws(ServingError) {
        guard count >= 1 else {
            throw ServingError(.invalidRequest, "classification: expected at least 1 class, got \(count)")
        }
        guard dataType != .bytes, dataType != .bool else {
            throw ServingError(
                .invalidRequest, "classification: its elements are \(dataType?.rawValue ?? ""), which have no order")
        }
    }

    /// The classes of a tensor: BYTES `[count]`, or `[rows, count]`.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest` for types without an order.
    func callAsFunction(_ tensor: Tensor) throws(ServingError) -> Tensor {
        switch tensor.dataType {
        case .int8: classes(of: tensor, Int8.self) { String($0) }
        case .int16: classes(of: tensor, Int16.self) { String($0) }
        case .int32: classes(of: tensor, Int32.self) { String($0) }
        case .int64: classes(of: tensor, Int64.self) { String($0) }
        case .uint8: classes(of: tensor, UInt8.self) { String($0) }
        case .uint16: classes(of: tensor, UInt16.self) { String($0) }
        case .uint32: classes(of: tensor, UInt32.self) { String($0) }
        case .uint64: classes(of: tensor, UInt64.self) { String($0) }
        case .fp32: classes(of: tensor, Float.self) { Self.text(Double($0)) }
        case .fp64: classes(of: tensor, Double.self, text: Self.text)
        case .fp16:
            classes(of: tensor, UInt16.self, value: { Float(Float16(bitPattern: $0)) }, text: { Self.text(Double($0)) })
        case .bf16:
            classes(
                of: tensor, UInt16.self, value: { Float(bitPattern: UInt32($0) << 16) }, text: { Self.text(Double($0)) }
            )
        case .bool, .bytes:
            throw ServingError(
                .invalidRequest, "classification: its elements are \(tensor.dataType.rawValue), which have no order")
        }
    }

    private func classes<Value: Comparable & BitwiseCopyable & SendableMetatype>(
        of tensor: Tensor, _: Value.Type, text: (Value) -> String
    ) -> Tensor {
        classes(of: tensor, Value.self, value: { $0 }, text: text)
    }

    private func classes<Element: BitwiseCopyable, Value: Comparable & SendableMetatype>(
        of tensor: Tensor, _: Element.Type, value: (Element) -> Value, text: (Value) -> String
    ) -> Tensor {
        let rows = hasRows ? tensor.rowCount ?? 1 : 1
        let width = rows > 0 ? tensor.elementCount / rows : 0
        let wanted = min(count, width)
        var texts: [String] = []
        texts.reserveCapacity(rows * wanted)
        unsafe tensor.withUnsafeBytes { bytes in
            for row in 0..<rows where wanted > 0 {
                var top = TopValues<Value>(count: wanted)
                for index in 0..<width {
                    let offset = (row * width + index) * MemoryLayout<Element>.stride
                    top.add(value(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Element.self)), at: index)
                }
                for (value, index) in top.sorted() {
                    let label = labels.indices.contains(index) ? ":" + labels[index] : ""
                    texts.append("\(text(value)):\(index)\(label)")
                }
            }
        }
        return Tensor(shape: hasRows ? [rows, wanted] : [wanted], strings: texts)
    }

    /// A float as C's `%f` writes it.
    private static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        // The longest has 309 digits before the point.
        var buffer = [CChar](repeating: 0, count: 330)
        let length = unsafe withVaList([value]) { unsafe vsnprintf(&buffer, buffer.count, "%f", $0) }
        return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The largest of many values, found without sorting all of them.
private struct TopValues<Value: Comparable & SendableMetatype> {
    private let count: Int
    /// The best so far, in any order, and some that aren't.
    private var candidates: [(value: Value, index: Int)] = []
    /// The last of the best when candidates were last sorted; what isn't before it needn't be kept.
    private var bar: (value: Value, index: Int)?

    init(count: Int) {
        self.count = count
    }

    mutating func add(_ value: Value, at index: Int) {
        if let bar, !Self.isBefore((value, index), bar) { return }
        candidates.append((value, index))
        guard candidates.count - count >= max(count, 16) else { return }
        candidates.sort(by: Self.isBefore)
        candidates.removeLast(candidates.count - count)
        bar = candidates.last
    }

    /// The best, in order.
    func sorted() -> ArraySlice<(value: Value, index: Int)> {
        candidates.sorted(by: Self.isBefore).prefix(count)
    }

    /// NaN is the only value that isn't equal to itself.
    private static func isBefore(_ left: (value: Value, index: Int), _ right: (value: Value, index: Int)) -> Bool {
        let (leftIsNumber, rightIsNumber) = (left.value == left.value, right.value == right.value)
        if leftIsNumber != rightIsNumber { return leftIsNumber }
        if !leftIsNumber || left.value == right.value { return left.index < right.index }
        return left.value > right.value
    }
}
