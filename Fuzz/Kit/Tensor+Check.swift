package import MantaCore

extension Tensor {
    /// A finding unless the bytes are just what type and shape need.
    package func check() {
        guard let count = shape.elementCount else { finding("a tensor of shape \(shape)") }
        if let width = dataType.byteWidth {
            expect(byteCount == count * width, "\(dataType) \(shape) in \(byteCount) bytes")
        } else {
            expect(elements.count == count, "\(elements.count) elements in BYTES \(shape)")
        }
        guard dataType == .bool else { return }
        expect(bytes.allSatisfy { $0 <= 1 }, "a BOOL that is neither 0 nor 1")
    }

    /// All of them.
    package var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

extension Tensor {
    /// Whether a tensor of the same type and shape has the same values: the same bytes, or other bits of what is no
    /// number.
    fileprivate func hasValues(of other: Tensor) -> Bool {
        let (own, others) = (bytes, other.bytes)
        if own == others { return true }
        guard own.count == others.count, let width = dataType.byteWidth, let infinity = dataType.infinity else {
            return false
        }
        return stride(from: 0, to: own.count, by: width).allSatisfy { start in
            let (one, another) = (bits(own[start..<start + width]), bits(others[start..<start + width]))
            return one == another || isNaN(one) && isNaN(another)
        }

        func bits(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        func isNaN(_ bits: UInt64) -> Bool { bits & ~(1 << UInt64(8 * width - 1)) > infinity }
    }
}

extension DataType {
    /// The bits of infinity, above which, but for the sign, all are no numbers; `nil` for types without.
    fileprivate var infinity: UInt64? {
        switch self {
        case .fp16: 0x7C00
        case .bf16: 0x7F80
        case .fp32: 0x7F80_0000
        case .fp64: 0x7FF0_0000_0000_0000
        default: nil
        }
    }
}

extension [NamedTensor] {
    /// A finding unless these are the same tensors.
    package func checkEqual(to others: [NamedTensor], _ how: String) {
        expect(count == others.count, "\(how): \(others.count) tensors for \(count)")
        for (one, other) in zip(self, others) {
            let (tensor, back) = (one.tensor, other.tensor)
            expect(one.name == other.name, "\(how): \"\(other.name)\" for \"\(one.name)\"")
            expect(
                tensor.dataType == back.dataType && tensor.shape == back.shape,
                "\(how): \(back.dataType) \(back.shape) for \(tensor.dataType) \(tensor.shape)")
            expect(tensor.hasValues(of: back), "\(how): \(back.bytes) for \(tensor.bytes)")
        }
    }
}
