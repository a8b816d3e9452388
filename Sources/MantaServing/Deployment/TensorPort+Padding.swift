import MantaCore

extension TensorPort {
    /// How requests whose input differs in one size come to share batches.
    public struct Padding: Sendable, Hashable {
        /// The dimension along which the input is filled up; 0 would be the batch.
        public var dimension: Int
        /// Requests of sizes up to the same one of these share batches, ascending. Those beyond the last share batches
        /// with requests of just their size.
        public var buckets: [Int]
        /// What it is filled up with.
        public var value: Value

        /// A number as a file has it.
        public enum Value: Sendable, Hashable {
            case integer(Int64)
            case decimal(Double)
        }

        /// Padding along a dimension.
        public init(dimension: Int, buckets: [Int], value: Value = .integer(0)) {
            (self.dimension, self.buckets, self.value) = (dimension, buckets, value)
        }
    }
}

extension TensorPort.Padding {
    /// The size up to which a request shares batches: the smallest bucket that holds it, or its own.
    func bucket(holding length: Int) -> Int { buckets.first { $0 >= length } ?? length }

    /// The bytes of the value as an element of a tensor; `nil` if the type doesn't have it.
    func element(of type: DataType) -> [UInt8]? {
        switch type {
        case .bool: whole.flatMap { 0...1 ~= $0 ? Self.bytes(UInt8($0)) : nil }
        case .int8: whole.flatMap { Int8(exactly: $0) }.map(Self.bytes)
        case .int16: whole.flatMap { Int16(exactly: $0) }.map(Self.bytes)
        case .int32: whole.flatMap { Int32(exactly: $0) }.map(Self.bytes)
        case .int64: whole.map(Self.bytes)
        case .uint8: whole.flatMap { UInt8(exactly: $0) }.map(Self.bytes)
        case .uint16: whole.flatMap { UInt16(exactly: $0) }.map(Self.bytes)
        case .uint32: whole.flatMap { UInt32(exactly: $0) }.map(Self.bytes)
        case .uint64: whole.flatMap { UInt64(exactly: $0) }.map(Self.bytes)
        case .fp16: Float16(number).isFinite ? Self.bytes(Float16(number).bitPattern) : nil
        case .bf16: Self.bfloat16(Float(number)).map(Self.bytes)
        case .fp32: Float(number).isFinite ? Self.bytes(Float(number).bitPattern) : nil
        case .fp64: number.isFinite ? Self.bytes(number.bitPattern) : nil
        case .bytes: nil
        }
    }

    private var whole: Int64? {
        switch value {
        case .integer(let value): value
        case .decimal(let value): Int64(exactly: value)
        }
    }

    private var number: Double {
        switch value {
        case .integer(let value): Double(value)
        case .decimal(let value): value
        }
    }

    /// The nearest bfloat16, which is the upper half of a float, rounded to even; `nil` if there is none.
    private static func bfloat16(_ value: Float) -> UInt16? {
        guard value.isFinite else { return nil }
        let bits = value.bitPattern
        let rounded = UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
        return rounded & 0x7FFF == 0x7F80 ? nil : rounded
    }

    /// The bytes of a number, the lowest first.
    private static func bytes<Bits: FixedWidthInteger>(_ bits: Bits) -> [UInt8] {
        (0..<Bits.bitWidth / 8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
    }
}

extension TensorPort {
    /// Why its padding can't be, whatever the model is.
    ///
    /// - Parameter isBatched: Whether the configuration leaves the batch out of shapes.
    /// - Returns: The fault, for people; `nil` if there is none.
    public func paddingFault(isBatched: Bool) -> String? {
        guard let padding else { return nil }
        if reshape != nil { return "expected no \"reshape\" beside it" }
        if let dataType, let fault = padding.fault(in: dataType) { return fault }
        guard let shape else { return nil }
        let dimensions = (isBatched ? [-1] : []) + shape
        return padding.fault(in: dimensions)
    }
}

extension TensorPort.Padding {
    /// Why an input of this type can't be filled up so; `nil` if it can.
    func fault(in type: DataType) -> String? {
        guard element(of: type) == nil else { return nil }
        if type == .bytes { return "expected an input of numbers, not of BYTES" }
        return "value: expected a number that \(type.rawValue) has, got \(value)"
    }

    /// Why an input of this shape, its batch included, can't be filled up so; `nil` if it can.
    func fault(in dimensions: [Int]) -> String? {
        guard dimension < dimensions.count else {
            return "dimension: expected one of \(Shape(dimensions)), the batch being 0, got \(dimension)"
        }
        guard dimensions[dimension] == -1 else {
            return "dimension: expected a size that is free, but \(dimension) of \(Shape(dimensions)) is fixed"
        }
        return nil
    }
}

extension TensorPort.Padding.Value: CustomStringConvertible {
    /// As in a file.
    public var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .decimal(let value): "\(value)"
        }
    }
}

extension DeploymentConfiguration {
    /// Why its ports, each right by itself, can't be padded together, for people, with the key at fault; `nil` if they
    /// can.
    public var paddingFault: (key: String, message: String)? {
        let padded = inputs.filter { $0.padding != nil }
        guard let first = padded.first, let buckets = first.padding?.buckets else {
            return outputs.contains { $0.paddedDimensions != nil }
                ? ("outputs", "padded_dimensions: expected an input with \"padding\"") : nil
        }
        if let other = padded.first(where: { $0.padding?.buckets != buckets }) {
            return (
                "inputs",
                "padding.buckets: expected the same of all inputs, since they have one length: \"\(first.name)\" has "
                    + "\(Shape(buckets)), \"\(other.name)\" \(Shape(other.padding?.buckets ?? []))"
            )
        }
        let obstacle =
            batching.maxRows == 0
            ? "batching.max_batch_size is 0" : !batching.isAcrossRequests ? "batching.across_requests is false" : nil
        return obstacle.map { ("inputs", "padding is for requests that share batches, but \($0)") }
    }
}
