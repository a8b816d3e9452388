extension Tensor {
    /// A BYTES tensor of these elements, which may hold any bytes: as many as `shape` has, in row-major order.
    public init(shape: Shape, elements: [[UInt8]]) {
        precondition(elements.count == shape.elementCount)
        let size = elements.reduce(0) { $0 + 4 + $1.count }
        self = unsafe Tensor(.bytes, shape: shape, byteCount: size) { target in
            var offset = 0
            for element in elements {
                unsafe target.storeBytes(of: UInt32(element.count).littleEndian, toByteOffset: offset, as: UInt32.self)
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[(offset + 4)...]).copyBytes(from: element)
                offset += 4 + element.count
            }
        }
    }

    /// A BYTES tensor of these texts in UTF-8.
    public init(shape: Shape, strings: [String]) {
        self.init(shape: shape, elements: strings.map { Array($0.utf8) })
    }

    /// The ranges, within the tensor's bytes, of each element of a BYTES tensor, without its length.
    ///
    /// - Parameters:
    ///   - bytes: The tensor's bytes, as ``withUnsafeBytes(_:)`` gives them.
    ///   - count: How many elements the shape has.
    /// - Returns: `nil` unless the lengths add up to exactly `count` elements and all the bytes.
    public static func elementRanges(in bytes: UnsafeRawBufferPointer, count: Int) -> [Range<Int>]? {
        // The least that `count` elements take, so that a false count can't reserve more than the bytes there are.
        guard count <= bytes.count / 4 else { return nil }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(count)
        var offset = 0
        for _ in 0..<count {
            guard bytes.count - offset >= 4 else { return nil }
            let length = Int(unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            offset += 4
            guard bytes.count - offset >= length else { return nil }
            ranges.append(offset..<offset + length)
            offset += length
        }
        return offset == bytes.count ? ranges : nil
    }

    /// The elements of a BYTES tensor; empty for any other type.
    public var elements: [[UInt8]] {
        guard dataType == .bytes else { return [] }
        return unsafe withUnsafeBytes { bytes in
            let ranges = unsafe Self.elementRanges(in: bytes, count: elementCount) ?? []
            return ranges.map { unsafe Array(bytes[$0]) }
        }
    }
}
