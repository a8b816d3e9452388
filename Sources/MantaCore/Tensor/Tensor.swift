/// A typed, dense, row-major array of any rank. Copies share its memory.
///
/// Numbers are little-endian, a BOOL is one byte 0 or 1. A BYTES tensor is held as the protocol writes it: for each
/// element its length in 4 bytes, little-endian, then its bytes.
///
/// ```swift
/// let row = Tensor(shape: [1, 3], [1, 2, 3] as [Float])
/// let text = Tensor(shape: [2], strings: ["cat", "dog"])
/// ```
public struct Tensor: Sendable {
    /// The type of its elements.
    public let dataType: DataType
    /// Its sizes, each at least 0.
    public let shape: Shape
    /// The memory it lives in, perhaps with others.
    public let buffer: TensorBuffer
    /// Which bytes of the buffer are its own.
    public let byteRange: Range<Int>

    /// A view of memory that exists: `byteRange` of the buffer, or all of it, just as long as type and shape need.
    public init(_ dataType: DataType, shape: Shape, buffer: TensorBuffer, byteRange: Range<Int>? = nil) {
        let range = byteRange ?? 0..<buffer.byteCount
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.byteCount)
        if let width = dataType.byteWidth {
            precondition(shape.elementCount.map { $0 * width } == range.count, "\(dataType) \(shape) in \(range)")
        }
        self.dataType = dataType
        self.shape = shape
        self.buffer = buffer
        self.byteRange = range
    }

    /// A new tensor of fixed-width elements whose bytes `body` writes, all of them.
    public init<Failure: Error>(
        _ dataType: DataType, shape: Shape, byteCount: Int,
        initializing body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        self.init(
            dataType, shape: shape, buffer: try unsafe TensorBuffer(byteCount: byteCount, initializing: body))
    }

    /// How many elements there are.
    public var elementCount: Int { shape.elementCount ?? 0 }

    /// How many bytes there are.
    public var byteCount: Int { byteRange.count }

    /// Calls `body` with the tensor's bytes.
    ///
    /// They must not be used after it returns.
    @inline(__always)
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe buffer.withUnsafeBytes { (all: UnsafeRawBufferPointer) throws(Failure) in
            try unsafe body(UnsafeRawBufferPointer(rebasing: all[byteRange]))
        }
    }

    /// The same elements in another shape of as many.
    public func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == self.shape.elementCount)
        return Tensor(dataType, shape: shape, buffer: buffer, byteRange: byteRange)
    }
}
