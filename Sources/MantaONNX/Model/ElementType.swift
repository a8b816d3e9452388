internal import CONNXRuntime
internal import MantaCore

extension DataType {
    /// The type that the runtime calls `type`, or `nil` if the protocol has none for it.
    init?(_ type: ONNXTensorElementDataType) {
        switch type {
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: self = .bool
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: self = .int8
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16: self = .int16
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: self = .int32
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: self = .int64
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: self = .uint8
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16: self = .uint16
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32: self = .uint32
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64: self = .uint64
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: self = .fp16
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16: self = .bf16
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: self = .fp32
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: self = .fp64
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING: self = .bytes
        default: return nil
        }
    }

    /// What the runtime calls it.
    var elementType: ONNXTensorElementDataType {
        switch self {
        case .bool: ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL
        case .int8: ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8
        case .int16: ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16
        case .int32: ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32
        case .int64: ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64
        case .uint8: ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8
        case .uint16: ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16
        case .uint32: ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32
        case .uint64: ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64
        case .fp16: ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16
        case .bf16: ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16
        case .fp32: ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
        case .fp64: ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE
        case .bytes: ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING
        }
    }
}

extension ONNXTensorElementDataType {
    /// What libraries newer than the oldest header have, by number.
    private static let newerNames: [UInt32: String] = [23: "float4e2m1", 24: "uint2", 25: "int2", 26: "float8e8m0"]

    /// A name for messages about a type that has no ``DataType``.
    var unsupportedName: String {
        switch self {
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64: "complex64"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128: "complex128"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN: "float8e4m3fn"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ: "float8e4m3fnuz"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2: "float8e5m2"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ: "float8e5m2fnuz"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4: "uint4"
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4: "int4"
        default: Self.newerNames[rawValue] ?? "unknown (number \(rawValue))"
        }
    }
}
