internal import CMantaJSON
package import MantaCore

extension DataType {
    /// The type of this name, if there is one.
    init?(_ name: JSONString) {
        switch name {
        case "FP32": self = .fp32
        case "INT64": self = .int64
        case "BYTES": self = .bytes
        case "FP64": self = .fp64
        case "INT32": self = .int32
        case "BOOL": self = .bool
        case "FP16": self = .fp16
        case "BF16": self = .bf16
        case "INT8": self = .int8
        case "INT16": self = .int16
        case "UINT8": self = .uint8
        case "UINT16": self = .uint16
        case "UINT32": self = .uint32
        case "UINT64": self = .uint64
        default: return nil
        }
    }

    /// The type, for C.
    var raw: manta_type {
        switch self {
        case .bool: MANTA_BOOL
        case .int8: MANTA_INT8
        case .int16: MANTA_INT16
        case .int32: MANTA_INT32
        case .int64: MANTA_INT64
        case .uint8: MANTA_UINT8
        case .uint16: MANTA_UINT16
        case .uint32: MANTA_UINT32
        case .uint64: MANTA_UINT64
        case .fp16: MANTA_FP16
        case .bf16: MANTA_BF16
        case .fp32: MANTA_FP32
        case .fp64: MANTA_FP64
        case .bytes: MANTA_BYTES
        }
    }

    /// What an element of this type is in JSON, in words.
    package var expectation: String {
        switch self {
        case .bool: "true or false, since it is BOOL"
        case .int8: Self.integers(Int8.self, "INT8")
        case .int16: Self.integers(Int16.self, "INT16")
        case .int32: Self.integers(Int32.self, "INT32")
        case .int64: Self.integers(Int64.self, "INT64")
        case .uint8: Self.integers(UInt8.self, "UINT8")
        case .uint16: Self.integers(UInt16.self, "UINT16")
        case .uint32: Self.integers(UInt32.self, "UINT32")
        case .uint64: Self.integers(UInt64.self, "UINT64")
        case .fp16, .bf16, .fp32, .fp64: "a number in the range of \(rawValue)"
        case .bytes: "a string, since it is BYTES"
        }
    }

    private static func integers<Integer: FixedWidthInteger>(_: Integer.Type, _ name: String) -> String {
        "an integer from \(Integer.min) to \(Integer.max), since it is \(name)"
    }
}

extension DataType {
    /// The name, for a writer.
    var jsonName: StaticString {
        switch self {
        case .bool: "BOOL"
        case .int8: "INT8"
        case .int16: "INT16"
        case .int32: "INT32"
        case .int64: "INT64"
        case .uint8: "UINT8"
        case .uint16: "UINT16"
        case .uint32: "UINT32"
        case .uint64: "UINT64"
        case .fp16: "FP16"
        case .bf16: "BF16"
        case .fp32: "FP32"
        case .fp64: "FP64"
        case .bytes: "BYTES"
        }
    }
}
