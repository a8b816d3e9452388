extension Tensor {
    /// How many rows there are: the size of the first dimension, or `nil` for a scalar.
    public var rowCount: Int? { shape.dimensions.first }

    /// Joins tensors of one type and equal sizes but for the first into one, rows in the order given.
    ///
    /// One tensor alone is returned as it is, without a copy.
    public static func joiningRows(_ parts: [Tensor]) -> Tensor {
        guard parts.count > 1 else { return parts[0] }
        var dimensions = parts[0].shape.dimensions
        dimensions[0] = parts.reduce(0) { $0 + ($1.rowCount ?? 0) }
        let size = parts.reduce(0) { $0 + $1.byteCount }
        return unsafe Tensor(parts[0].dataType, shape: Shape(dimensions), byteCount: size) { target in
            var offset = 0
            for part in parts {
                unsafe part.withUnsafeBytes {
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0)
                }
                offset += part.byteCount
            }
        }
    }

    /// Cuts the tensor into runs of this many rows each, which add up to ``rowCount``.
    ///
    /// The parts share its memory.
    public func splittingRows(_ counts: [Int]) -> [Tensor] {
        precondition(counts.reduce(0, +) == rowCount)
        guard counts.count > 1 else { return [self] }
        let ends = rowEnds(counts)
        var start = byteRange.lowerBound
        return zip(counts, ends).map { count, end in
            var dimensions = shape.dimensions
            dimensions[0] = count
            defer { start = end }
            return Tensor(dataType, shape: Shape(dimensions), buffer: buffer, byteRange: start..<end)
        }
    }

    /// Where, in the buffer, each of these runs of rows ends.
    private func rowEnds(_ counts: [Int]) -> [Int] {
        // Sizes beside a zero may be too large to be multiplied.
        let elementsPerRow = elementCount == 0 ? 0 : shape.dimensions.dropFirst().reduce(1, *)
        var end = byteRange.lowerBound
        if let width = dataType.byteWidth {
            return counts.map { count in
                end += count * elementsPerRow * width
                return end
            }
        }
        return unsafe withUnsafeBytes { bytes in
            let ranges = unsafe Tensor.elementRanges(in: bytes, count: elementCount) ?? []
            var element = 0
            return counts.map { count in
                element += count * elementsPerRow
                if element > 0 { end = byteRange.lowerBound + ranges[element - 1].upperBound }
                return end
            }
        }
    }
}
