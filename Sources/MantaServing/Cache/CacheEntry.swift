package import MantaCore

/// What was asked and what was answered, in memory of its own, so that nothing larger is kept for it, like a batch.
///
/// All of it is one block: when it has to go, nobody has touched it for long, and each piece of memory that is to be freed
/// has to come from afar.
package struct CacheEntry: Sendable {
    /// Inputs of at least so many bytes aren't copied if they have memory of their own.
    static let largeInput = 64 << 10

    /// Where the outputs begin; the numbers of the key; its inputs' bytes; for each output its type, its rank, its shape, how
    /// many bytes it has, and these. All begin at multiples of 8.
    private let block: TensorBuffer
    /// For each input itself, where it isn't copied. Empty if all are.
    private let large: [Tensor?]

    /// An entry of what was asked and its outputs; `nil` if it took more bytes than this.
    init?(_ key: CacheKey, _ outputs: [Tensor], maxBytes: Int) {
        let size = Self.blockSize(key, outputs)
        let large = key.inputs.contains { $0.isLarge } ? key.inputs.map { $0.isLarge ? $0 : nil } : []
        guard large.reduce(size, { $0 + ($1?.byteCount ?? 0) }) <= maxBytes else { return nil }
        block = unsafe TensorBuffer(byteCount: size) { target in
            var writer = unsafe Writer(target: target)
            writer.write(0)
            key.forEachNumber { writer.write($0) }
            for case let input? in key.inputs where !input.isLarge { writer.write(input) }
            unsafe target.storeBytes(of: writer.offset, as: Int.self)
            for output in outputs {
                writer.write(output.dataType)
                writer.write(output.shape.rank)
                for size in output.shape.dimensions { writer.write(size) }
                writer.write(output.byteCount)
                writer.write(output)
            }
        }
        self.large = large
    }

    /// The bytes that it takes.
    var byteCount: Int { large.reduce(block.byteCount) { $0 + ($1?.byteCount ?? 0) } }

    /// What was answered.
    package var outputs: [Tensor] {
        unsafe block.withUnsafeBytes { bytes in
            var reader = unsafe Reader(bytes: bytes)
            reader.offset = reader.next(as: Int.self)
            var outputs: [Tensor] = []
            while reader.offset < bytes.count {
                let dataType = reader.next(as: DataType.self)
                let shape = Shape((0..<reader.next(as: Int.self)).map { _ in reader.next(as: Int.self) })
                let range = reader.skip(reader.next(as: Int.self))
                outputs.append(Tensor(dataType, shape: shape, buffer: block, byteRange: range))
            }
            return outputs
        }
    }

    /// Whether that was asked.
    func answers(_ key: CacheKey) -> Bool {
        unsafe block.withUnsafeBytes { bytes in
            var reader = unsafe Reader(bytes: bytes)
            _ = reader.next(as: Int.self)
            // Reads no further than to the first difference, up to which both are of one form.
            var isSame = true
            key.forEachNumber { number in isSame = isSame && reader.next(as: Int.self) == number }
            guard isSame else { return false }
            for (index, input) in key.inputs.enumerated() {
                guard let input else { continue }
                if !large.isEmpty, let large = large[index] {
                    guard input.hasSameBytes(as: large) else { return false }
                } else {
                    let range = reader.skip(input.byteCount)
                    guard unsafe input.hasBytes(of: UnsafeRawBufferPointer(rebasing: bytes[range])) else {
                        return false
                    }
                }
            }
            return true
        }
    }

    private static func blockSize(_ key: CacheKey, _ outputs: [Tensor]) -> Int {
        var size = word
        key.forEachNumber { _ in size += word }
        for case let input? in key.inputs where !input.isLarge { size += input.byteCount.inWords }
        for output in outputs { size += (3 + output.shape.rank) * word + output.byteCount.inWords }
        return size
    }
}

private let word = MemoryLayout<Int>.stride

/// Writes one thing behind the other, each beginning at a word.
@safe private struct Writer {
    /// Valid for as long as the writer is used.
    let target: UnsafeMutableRawBufferPointer
    var offset = 0

    init(target: UnsafeMutableRawBufferPointer) { unsafe self.target = target }

    mutating func write<Value: BitwiseCopyable>(_ value: Value) {
        unsafe target.storeBytes(of: value, toByteOffset: offset, as: Value.self)
        offset += word
    }

    mutating func write(_ tensor: Tensor) {
        let end = offset + tensor.byteCount
        unsafe tensor.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: $0)
        }
        offset += tensor.byteCount.inWords
    }
}

/// Reads what a ``Writer`` has written.
@safe private struct Reader {
    /// Valid for as long as the reader is used.
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    init(bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    mutating func next<Value: BitwiseCopyable>(as _: Value.Type) -> Value {
        defer { offset += word }
        return unsafe bytes.load(fromByteOffset: offset, as: Value.self)
    }

    /// Where so many bytes are that come next.
    mutating func skip(_ count: Int) -> Range<Int> {
        defer { offset += count.inWords }
        return offset..<offset + count
    }
}

extension Int {
    /// Up to where the next may begin.
    fileprivate var inWords: Int { (self + word - 1) / word * word }
}

extension Tensor? {
    fileprivate var isLarge: Bool { self?.isLarge ?? false }
}

extension Tensor {
    /// Whether it isn't copied: its memory is all its own, and is freed when it goes.
    fileprivate var isLarge: Bool {
        byteCount >= CacheEntry.largeInput && buffer.ownsMemory && byteCount == buffer.byteCount
    }
}
