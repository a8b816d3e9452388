internal import MantaWire

/// Computes `LayerNormalization` in steps that each go through whole rows.
///
/// ONNX Runtime's operator (1.28) adds up a row number by number, each waiting for the one before, and takes five times as
/// long as its sums, differences and products do one after another, which use vector instructions. It also has an operator
/// for a sum and its normalisation together, which is as fast, and uses that where it knows that what is added has the same
/// shape: there it is left to. The squares are a product, since those of `Pow` are what the runtime looks for to make its
/// operator of such steps.
///
/// Rows of another length than the factors', which the operator refuses, are refused here too unless they have one number.
enum LayerNormalizations {
    /// The first version of ONNX's operators that has it.
    private static let minOperatorSet: Int64 = 17
    /// The first one in which the dimensions of a mean are an input.
    private static let axesAreInput: Int64 = 18

    /// - Returns: Whether anything changed.
    static func apply(to graph: inout Onnx_GraphProto, version: Int64) -> Bool {
        guard version >= minOperatorSet else { return false }
        let constants = graph.constants
        let producers = graph.producers
        var nodes: [Onnx_NodeProto] = []
        var computed = ComputedSizes(constants: constants)
        var isChanged = false
        for node in graph.node {
            computed.follow(node)
            if isPlain(node, constants),
                producers[node.input[0]].map({ isJoined(with: $0, constants, computed) }) != true
            {
                nodes += steps(of: node, version: version, &graph.initializer)
                isChanged = true
            } else {
                nodes.append(node)
            }
        }
        graph.node = nodes
        return isChanged
    }

    /// Whether it normalises 32-bit floats along the last dimension, with constant factors for it, and gives no more than
    /// that.
    private static func isPlain(_ node: Onnx_NodeProto, _ constants: [String: Onnx_TensorProto]) -> Bool {
        guard node.operation == "LayerNormalization", 2...3 ~= node.input.count, node.output.count == 1,
            node["axis"].map({ $0.i == -1 }) ?? true, node["stash_type"].map({ $0.i == 1 }) ?? true
        else { return false }
        return node.input.dropFirst().allSatisfy { name in
            constants[name].map { Int($0.dataType) == Onnx_TensorProto.float && $0.dims.count == 1 } ?? false
        }
    }

    /// Whether the runtime joins a normalisation with the sum before it.
    private static func isJoined(
        with sum: Onnx_NodeProto, _ constants: [String: Onnx_TensorProto], _ computed: ComputedSizes
    ) -> Bool {
        sum.operation == "Add" && sum.input.allSatisfy { constants[$0] == nil && !computed.values.contains($0) }
    }

    private static func steps(
        of node: Onnx_NodeProto, version: Int64, _ constants: inout [Onnx_TensorProto]
    ) -> [Onnx_NodeProto] {
        let output = node.output[0]
        func name(_ part: String) -> String { "manta:\(output):\(part)" }
        func mean(of value: String, _ part: String) -> Onnx_NodeProto {
            version < axesAreInput
                ? .init("ReduceMean", [value], name(part), [.init("axes", [-1])])
                : .init("ReduceMean", [value, name("axes")], name(part))
        }
        if version >= axesAreInput { constants.append(.init(name("axes"), [-1])) }
        constants.append(.init(name("epsilon"), [1], [node["epsilon"]?.f ?? 1e-5]))
        let scaled = node.input.count == 3 ? name("scaled") : output
        var nodes = [
            mean(of: node.input[0], "mean"),
            .init("Sub", [node.input[0], name("mean")], name("centered")),
            .init("Mul", [name("centered"), name("centered")], name("squares")),
            mean(of: name("squares"), "variance"),
            .init("Add", [name("variance"), name("epsilon")], name("variance_above_0")),
            .init("Sqrt", [name("variance_above_0")], name("deviation")),
            .init("Div", [name("centered"), name("deviation")], name("normal")),
            .init("Mul", [name("normal"), node.input[1]], scaled),
        ]
        if node.input.count == 3 { nodes.append(.init("Add", [scaled, node.input[2]], output)) }
        return nodes
    }

    /// Values whose sizes the runtime can't tell from the model's inputs, not even as the same as some other's, because
    /// one is computed: as where positions are cut to the length of a text.
    private struct ComputedSizes {
        let constants: [String: Onnx_TensorProto]
        private(set) var values: Set<String> = []

        /// Nodes have to be followed in the graph's order.
        mutating func follow(_ node: Onnx_NodeProto) {
            let isComputed =
                switch node.operation {
                case "Shape", "Size": false
                // All but the first input are sizes and places.
                case "Slice", "Expand", "Tile", "Pad":
                    node.input.contains(where: values.contains)
                        || node.input.dropFirst().contains { !$0.isEmpty && constants[$0] == nil }
                case "Range", "NonZero": true
                default: node.input.contains(where: values.contains)
                }
            if isComputed { values.formUnion(node.output) }
        }
    }
}
