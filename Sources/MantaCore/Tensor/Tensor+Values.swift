extension Tensor {
    /// A tensor of these numbers: as many as `shape` has, in row-major order.
    public init<Value: TensorElement>(shape: Shape, _ values: [Value]) {
        precondition(values.count == shape.elementCount)
        self = unsafe Tensor(Value.dataType, shape: shape, byteCount: values.count * MemoryLayout<Value>.stride) {
            target in
            unsafe values.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    /// The numbers in row-major order, or `nil` if `Value` isn't the tensor's type.
    public func values<Value: TensorElement>(as _: Value.Type = Value.self) -> [Value]? {
        guard Value.dataType == dataType else { return nil }
        return unsafe withUnsafeBytes { bytes in
            unsafe [Value](unsafeUninitializedCapacity: elementCount) { target, count in
                unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
                count = elementCount
            }
        }
    }
}

/// A Swift type that is, byte for byte, the element of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The type of a tensor of these.
    static var dataType: DataType { get }
}

extension Bool: TensorElement {
    /// BOOL, one byte.
    public static var dataType: DataType { .bool }
}
extension Int8: TensorElement {
    /// INT8.
    public static var dataType: DataType { .int8 }
}
extension Int16: TensorElement {
    /// INT16.
    public static var dataType: DataType { .int16 }
}
extension Int32: TensorElement {
    /// INT32.
    public static var dataType: DataType { .int32 }
}
extension Int64: TensorElement {
    /// INT64.
    public static var dataType: DataType { .int64 }
}
extension UInt8: TensorElement {
    /// UINT8.
    public static var dataType: DataType { .uint8 }
}
extension UInt16: TensorElement {
    /// UINT16.
    public static var dataType: DataType { .uint16 }
}
extension UInt32: TensorElement {
    /// UINT32.
    public static var dataType: DataType { .uint32 }
}
extension UInt64: TensorElement {
    /// UINT64.
    public static var dataType: DataType { .uint64 }
}
extension Float: TensorElement {
    /// FP32.
    public static var dataType: DataType { .fp32 }
}
extension Double: TensorElement {
    /// FP64.
    public static var dataType: DataType { .fp64 }
}
