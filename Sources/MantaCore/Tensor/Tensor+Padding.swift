extension Tensor {
    /// Joins tensors that differ in the sizes of the first dimension and of one more, which is filled up.
    ///
    /// One tensor of that length alone is returned as it is, without a copy.
    ///
    /// - Parameters:
    ///   - parts: Tensors of one fixed-width type, at least one.
    ///   - dimension: The dimension to fill up, not the first.
    ///   - length: The size that it gets, not less than that of any part.
    ///   - element: The bytes of the element to fill up with.
    /// - Returns: The rows in the order given. What a part has comes first along `dimension`, then the filling.
    public static func joiningRows(
        _ parts: [Tensor], filling dimension: Int, to length: Int, with element: [UInt8]
    ) -> Tensor {
        if parts.allSatisfy({ $0.shape.dimensions[dimension] == length }) { return joiningRows(parts) }
        var dimensions = parts[0].shape.dimensions
        dimensions[0] = parts.reduce(0) { $0 + ($1.rowCount ?? 0) }
        dimensions[dimension] = length
        let inner = dimensions[(dimension + 1)...].reduce(element.count, *)
        let runs = dimensions[..<dimension].reduce(1, *)
        return unsafe Tensor(parts[0].dataType, shape: Shape(dimensions), byteCount: runs * length * inner) { target in
            var offset = 0
            for part in parts {
                let run = part.shape.dimensions[dimension] * inner
                let runs = part.shape.dimensions[..<dimension].reduce(1, *)
                unsafe part.withUnsafeBytes { source in
                    for index in 0..<runs {
                        let end = offset + length * inner
                        unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + run]).copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[index * run..<(index + 1) * run]))
                        unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset + run..<end]).fill(with: element)
                        offset = end
                    }
                }
            }
        }
    }

    /// What lies before `length` along some dimensions, none of which is shorter.
    ///
    /// - Returns: A copy, or the tensor itself if nothing lies beyond.
    public func cutting(_ dimensions: [Int], to length: Int) -> Tensor {
        dimensions.reduce(self) { $1 < $0.shape.rank ? $0.cutting($1, to: length) : $0 }
    }

    private func cutting(_ dimension: Int, to length: Int) -> Tensor {
        var dimensions = shape.dimensions
        let found = dimensions[dimension]
        guard length < found else { return self }
        dimensions[dimension] = length
        let runs = dimensions[..<dimension].reduce(1, *)
        let inner = dimensions[(dimension + 1)...].reduce(1, *)
        guard let width = dataType.byteWidth else {
            let all = elements
            let kept = (0..<runs).flatMap { all[$0 * found * inner..<($0 * found + length) * inner] }
            return Tensor(shape: Shape(dimensions), elements: kept)
        }
        let run = length * inner * width
        return unsafe Tensor(dataType, shape: Shape(dimensions), byteCount: runs * run) { target in
            unsafe withUnsafeBytes { source in
                for index in 0..<runs {
                    let start = index * found * inner * width
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[index * run..<(index + 1) * run]).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[start..<start + run]))
                }
            }
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes an element again and again.
    fileprivate func fill(with element: [UInt8]) {
        if let byte = element.first, element.allSatisfy({ $0 == byte }) {
            unsafe initializeMemory(as: UInt8.self, repeating: byte)
            return
        }
        for offset in stride(from: 0, to: count, by: element.count) {
            unsafe UnsafeMutableRawBufferPointer(rebasing: self[offset..<offset + element.count]).copyBytes(
                from: element)
        }
    }
}
