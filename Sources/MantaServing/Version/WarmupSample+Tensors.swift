import FoundationEssentials
import MantaCore

extension WarmupSample {
    /// The most bytes that a sample's input may have, so that an odd configuration can't take all memory.
    private static let maxBytes = 256 << 20

    /// Its inputs in the order of a signature.
    ///
    /// - Parameters:
    ///   - signature: What clients see of the model.
    ///   - isBatched: Whether the first dimension is the batch, which the sample's shapes leave out.
    /// - Returns: `nil` for an optional input that it leaves out.
    /// - Throws: ``ServingError`` that names the input or file at fault.
    /// - Note: Reads files: blocks its thread.
    func tensors(for signature: ModelSignature, isBatched: Bool) throws(ServingError) -> [Tensor?] {
        let named = try inputs.map { input throws(ServingError) in
            let shape = Shape((isBatched ? [rows] : []) + input.shape)
            return NamedTensor(input.name, try input.tensor(shape: shape, rows: rows, limit: Self.maxBytes))
        }
        return try signature.bind(named)
    }
}

extension WarmupSample.Input {
    fileprivate func tensor(shape: Shape, rows: Int, limit: Int) throws(ServingError) -> Tensor {
        guard let count = shape.elementCount, count <= limit / (dataType.byteWidth ?? 4) else {
            throw ServingError(.invalidRequest, "input \"\(name)\": \(shape) is too large for a warm-up")
        }
        switch content {
        case .file(let file): return try tensor(shape: shape, count: count, rows: rows, file: file.path, limit: limit)
        case .zeros: return tensor(shape: shape, count: count) { 0 }
        case .random:
            // The same at each start, so that what fails once fails again.
            var random = SplitMix64(seed: 1)
            return tensor(shape: shape, count: count) { random.next() }
        }
    }

    /// Integers from 0 to 127, and fractions from 0 to 1.
    private func tensor(shape: Shape, count: Int, _ next: () -> UInt64) -> Tensor {
        func integers<Value: TensorElement & FixedWidthInteger>(_: Value.Type) -> Tensor {
            Tensor(shape: shape, (0..<count).map { _ in Value(next() % 128) })
        }
        func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
        return switch dataType {
        case .bool: Tensor(shape: shape, (0..<count).map { _ in next() % 2 == 1 })
        case .int8: integers(Int8.self)
        case .uint8: integers(UInt8.self)
        case .int16: integers(Int16.self)
        case .uint16: integers(UInt16.self)
        case .int32: integers(Int32.self)
        case .uint32: integers(UInt32.self)
        case .int64: integers(Int64.self)
        case .uint64: integers(UInt64.self)
        case .fp32: Tensor(shape: shape, (0..<count).map { _ in Float(fraction()) })
        case .fp64: Tensor(shape: shape, (0..<count).map { _ in fraction() })
        // Any ten bits of fraction below an exponent of -1: from 0.5 to 1; zero stays zero.
        case .fp16: halves(shape, count) { $0 == 0 ? 0 : 0x3800 | UInt16($0 % 1024) }
        case .bf16: halves(shape, count) { $0 == 0 ? 0 : 0x3F00 | UInt16($0 % 128) }
        case .bytes: Tensor(shape: shape, elements: [[UInt8]](repeating: [], count: count))
        }
        func halves(_ shape: Shape, _ count: Int, _ bits: (UInt64) -> UInt16) -> Tensor {
            let words = Tensor(shape: shape, (0..<count).map { _ in bits(next()) })
            return Tensor(dataType, shape: shape, buffer: words.buffer)
        }
    }

    /// The bytes of a file, which has them for all rows, or for one that all others repeat.
    private func tensor(
        shape: Shape, count: Int, rows: Int, file path: String, limit: Int
    ) throws(ServingError) -> Tensor {
        guard let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int, size <= limit,
            let data = FileManager.default.contents(atPath: path)
        else {
            throw ServingError(
                .invalidRequest, "input \"\(name)\": \(path) can't be read, or has more than \(limit >> 20) MiB")
        }
        let bytes = [UInt8](data)
        for copies in Set([1, rows]).sorted() where bytes.count * copies <= limit {
            let all = Array(repeating: bytes, count: copies).flatMap(\.self)
            guard isWhole(all, count: count) else { continue }
            return unsafe Tensor(dataType, shape: shape, byteCount: all.count) { target in
                unsafe target.copyBytes(from: all)
            }
        }
        throw ServingError(
            .invalidRequest,
            "input \"\(name)\": \(path) has \(bytes.count) bytes, which are not \(dataType.rawValue) \(shape)"
                + (rows > 1 ? ", nor one row of it" : ""))
    }

    private func isWhole(_ bytes: [UInt8], count: Int) -> Bool {
        if let width = dataType.byteWidth { return bytes.count == count * width }
        return unsafe bytes.withUnsafeBytes { unsafe Tensor.elementRanges(in: $0, count: count) != nil }
    }
}
