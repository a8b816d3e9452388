import MantaCore
import MantaProtocol
import MantaWire

/// Makes tensors of typed contents: each type has its field, and small integers share one with larger ones.
enum TypedContents {
    /// Reads an input's contents.
    ///
    /// - Parameters:
    ///   - contents: The contents.
    ///   - dataType: The input's type.
    ///   - shape: Its shape.
    ///   - count: How many elements that has.
    ///   - place: Where it is in the request.
    /// - Returns: The tensor.
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    static func tensor(
        _ contents: Inference_InferTensorContents, _ dataType: DataType, _ shape: Shape, _ count: Int, _ place: Place
    ) throws(ServingError) -> Tensor {
        guard let field = dataType.contentsField else {
            throw place.error("\(dataType.rawValue) has no typed contents: send it in raw_input_contents")
        }
        let fields = contents.counts
        if let other = fields.first(where: { $0.name != field && $0.count > 0 }) {
            throw place.error("expected \(field), since it is \(dataType.rawValue), found \(other.name)")
        }
        let found = fields.first { $0.name == field }?.count ?? 0
        guard found == count else {
            throw place.error("shape \(shape) has \(count) elements, but \(field) has \(found)")
        }
        switch dataType {
        case .bool: return Tensor(shape: shape, contents.boolContents)
        case .int8: return try narrowed(contents.intContents, to: Int8.self, shape, place)
        case .int16: return try narrowed(contents.intContents, to: Int16.self, shape, place)
        case .int32: return Tensor(shape: shape, contents.intContents)
        case .int64: return Tensor(shape: shape, contents.int64Contents)
        case .uint8: return try narrowed(contents.uintContents, to: UInt8.self, shape, place)
        case .uint16: return try narrowed(contents.uintContents, to: UInt16.self, shape, place)
        case .uint32: return Tensor(shape: shape, contents.uintContents)
        case .uint64: return Tensor(shape: shape, contents.uint64Contents)
        case .fp32: return Tensor(shape: shape, contents.fp32Contents)
        case .fp64: return Tensor(shape: shape, contents.fp64Contents)
        case .bytes: return Tensor(shape: shape, elements: contents.bytesContents.map { Array($0) })
        case .fp16, .bf16: throw place.error("\(dataType.rawValue) has no typed contents")
        }
    }

    private static func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger & TensorElement>(
        _ values: [Wide], to _: Narrow.Type, _ shape: Shape, _ place: Place
    ) throws(ServingError) -> Tensor {
        var narrow: [Narrow] = []
        narrow.reserveCapacity(values.count)
        for value in values {
            guard let element = Narrow(exactly: value) else {
                throw place.error("element \(narrow.count): expected \(Narrow.dataType.expectation), found \(value)")
            }
            narrow.append(element)
        }
        return Tensor(shape: shape, narrow)
    }
}

extension DataType {
    /// The field of typed contents that holds elements of this type, if any does.
    fileprivate var contentsField: String? {
        switch self {
        case .bool: "bool_contents"
        case .int8, .int16, .int32: "int_contents"
        case .int64: "int64_contents"
        case .uint8, .uint16, .uint32: "uint_contents"
        case .uint64: "uint64_contents"
        case .fp32: "fp32_contents"
        case .fp64: "fp64_contents"
        case .bytes: "bytes_contents"
        case .fp16, .bf16: nil
        }
    }
}

extension Inference_InferTensorContents {
    /// How many elements each field has.
    fileprivate var counts: [(name: String, count: Int)] {
        [
            ("bool_contents", boolContents.count), ("int_contents", intContents.count),
            ("int64_contents", int64Contents.count), ("uint_contents", uintContents.count),
            ("uint64_contents", uint64Contents.count), ("fp32_contents", fp32Contents.count),
            ("fp64_contents", fp64Contents.count), ("bytes_contents", bytesContents.count),
        ]
    }
}
