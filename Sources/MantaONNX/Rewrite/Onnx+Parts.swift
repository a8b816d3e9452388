internal import FoundationEssentials
internal import MantaWire

// What is read of a graph, and made for one, in fewer words.

extension Onnx_NodeProto {
    /// A node of ONNX's own operators.
    init(_ operation: String, _ inputs: [String], _ output: String, _ attributes: [Onnx_AttributeProto] = []) {
        self.init()
        (opType, input, self.output, attribute) = (operation, inputs, [output], attributes)
        // The names of nodes have to differ, and others may be called what this gives.
        name = output.hasPrefix(RewritableModel.prefix) ? output : RewritableModel.prefix + output
    }

    /// Its type, with `ml.` before those of `ai.onnx.ml`; empty if it is of neither of ONNX's two sets of operators.
    var operation: String {
        switch domain {
        case "", "ai.onnx": opType
        case "ai.onnx.ml": "ml." + opType
        default: ""
        }
    }

    /// The attribute of a name, if there is just one.
    subscript(_ name: String) -> Onnx_AttributeProto? {
        let all = attribute.filter { $0.name == name }
        return all.count == 1 ? all[0] : nil
    }

    /// Gives an attribute another value, or one.
    mutating func set(_ new: Onnx_AttributeProto) {
        attribute.removeAll { $0.name == new.name }
        attribute.append(new)
    }
}

extension Onnx_AttributeProto {
    var text: String { String(decoding: s, as: UTF8.self) }

    init(_ name: String, _ value: Int) {
        self.init()
        (self.name, type, i) = (name, .int, Int64(value))
    }

    init(_ name: String, _ value: Float) {
        self.init()
        (self.name, type, f) = (name, .float, value)
    }

    init(_ name: String, _ value: String) {
        self.init()
        (self.name, type, s) = (name, .string, .init(value.utf8))
    }

    init(_ name: String, _ values: [Float]) {
        self.init()
        (self.name, type, floats) = (name, .floats, values)
    }

    init(_ name: String, _ values: [Int]) {
        self.init()
        (self.name, type, ints) = (name, .ints, values.map(Int64.init))
    }
}

extension Onnx_TensorProto {
    /// The number of 32-bit floats in ``dataType``, and in an operator's `to`.
    static let float = 1
    /// Those of whole numbers of 32 and 64 bits.
    static let int32 = 6
    static let int64 = 7

    init(_ name: String, _ dimensions: [Int], _ values: [Float]) {
        self.init()
        (self.name, dims, dataType, floatData) = (name, dimensions.map(Int64.init), Int32(Self.float), values)
    }

    /// A vector of whole numbers of 64 bits.
    init(_ name: String, _ values: [Int]) {
        self.init()
        (self.name, dims, dataType) = (name, [Int64(values.count)], Int32(Self.int64))
        int64Data = values.map(Int64.init)
    }

    /// A whole number, without a dimension, of 64 bits or of 32.
    init(_ name: String, _ value: Int, type: Int) {
        self.init()
        (self.name, dataType) = (name, Int32(type))
        if type == Self.int32 { int32Data = [Int32(value)] } else { int64Data = [Int64(value)] }
    }

    /// The one number in a tensor of one, in whatever shape.
    var number: Float? {
        guard Int(dataType) == Self.float, dims.allSatisfy({ $0 == 1 }) else { return nil }
        guard !rawData.isEmpty else { return floatData.first }
        return words(UInt32.self)?.first.map(Float.init(bitPattern:))
    }

    /// Whole numbers, in whatever shape.
    var wholeNumbers: [Int]? {
        switch (Int(dataType), rawData.isEmpty) {
        case (Self.int32, true): int32Data.map(Int.init)
        case (Self.int32, false): words(UInt32.self)?.map { Int(Int32(bitPattern: $0)) }
        case (Self.int64, true): int64Data.map(Int.init)
        case (Self.int64, false): words(UInt64.self)?.map { Int(Int64(bitPattern: $0)) }
        default: nil
        }
    }

    private func words<Word: FixedWidthInteger & UnsignedInteger>(_: Word.Type) -> [Word]? {
        let (bytes, size) = (Array(rawData), Word.bitWidth / 8)
        guard bytes.count.isMultiple(of: size) else { return nil }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | Word($1) }
        }
    }
}

extension Onnx_GraphProto {
    /// The longest way that is followed from a value to where it comes from.
    static let maxSteps = 32

    /// Each constant by its name, also those of nodes.
    ///
    /// Those that are inputs as well are defaults, which requests may replace.
    var constants: [String: Onnx_TensorProto] {
        let inputs = Set(input.map(\.name))
        let ofNodes = node.lazy.filter { $0.operation == "Constant" && $0.output.count == 1 }.compactMap { node in
            node["value"].flatMap { $0.hasT ? (node.output[0], $0.t) : nil }
        }
        let ofGraph = initializer.lazy.filter { !inputs.contains($0.name) }.map { ($0.name, $0) }
        return Dictionary(Array(ofGraph) + Array(ofNodes), uniquingKeysWith: { first, _ in first })
    }

    /// Each node by the names of its outputs.
    var producers: [String: Onnx_NodeProto] {
        Dictionary(node.flatMap { node in node.output.map { ($0, node) } }, uniquingKeysWith: { first, _ in first })
    }

    /// Removes those of these nodes whose outputs nothing takes any more.
    mutating func removeUnused(_ candidates: Set<Int>) {
        var uses: [String: Int] = [:]
        for name in node.flatMap(\.input) + output.map(\.name) { uses[name, default: 0] += 1 }
        var removed: Set<Int> = []
        for index in candidates.sorted(by: >) where node[index].output.allSatisfy({ uses[$0, default: 0] == 0 }) {
            removed.insert(index)
            for name in node[index].input { uses[name, default: 0] -= 1 }
        }
        node = node.indices.filter { !removed.contains($0) }.map { node[$0] }
    }

    /// Removes constants that these earlier nodes took and none takes now: the runtime warns of those.
    mutating func removeConstants(takenBy before: [Onnx_NodeProto]) {
        let unused = Set(before.flatMap(\.input)).subtracting(node.flatMap(\.input)).subtracting(output.map(\.name))
            .subtracting(input.map(\.name))
        initializer.removeAll { unused.contains($0.name) }
    }
}
