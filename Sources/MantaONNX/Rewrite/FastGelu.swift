internal import Glibc
internal import MantaWire

/// Computes the tanh form of GELU in one node where a graph does it in ten.
///
/// x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), see Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016). Each node of
/// its own writes and reads a block of memory as large as x. ONNX Runtime (1.28) has an operator for all of it, and sees
/// some of the forms in which it is written. There are as many as exporters, so that what is compared here is the function:
/// what nodes make together of single numbers.
enum FastGelu {
    /// That of the runtime's own operators.
    static let domain = "com.microsoft"

    private static let points = Array(stride(from: -6.0, through: 6.0, by: 0.75))
    private static let values = points.map { x in
        x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }

    /// A value as a function of one before it, `root`: what it is where that is each of ``points``.
    private struct Form {
        let root: String
        let values: [Double]

        var isGelu: Bool {
            zip(values, FastGelu.values).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
        }
    }

    /// How far a value is followed back: more than the steps that there are in any way to write it.
    private static let maxForms = 12

    /// - Returns: Whether anything changed.
    static func apply(to graph: inout Onnx_GraphProto) -> Bool {
        let (before, constants) = (graph.node, graph.constants)
        // In the order of their roots, the latest last.
        var forms: [String: [Form]] = [:]
        var (steps, isChanged) = ([] as Set<Int>, false)
        for index in graph.node.indices {
            let node = graph.node[index]
            let found = Self.forms(of: node, forms, constants)
            guard let output = node.output.first, !found.isEmpty else { continue }
            if let form = found.last(where: \.isGelu) {
                graph.node[index] = Onnx_NodeProto("FastGelu", [form.root], output)
                graph.node[index].domain = domain
                isChanged = true
            } else {
                forms[output] = found.suffix(maxForms)
                steps.insert(index)
            }
        }
        guard isChanged else { return false }
        graph.removeUnused(steps.union(graph.node.indices.filter { graph.node[$0].operation == "Constant" }))
        graph.removeConstants(takenBy: before)
        return true
    }

    /// What a node gives as a function of each value that it is a function of, if it takes numbers one by one.
    private static func forms(
        of node: Onnx_NodeProto, _ known: [String: [Form]], _ constants: [String: Onnx_TensorProto]
    ) -> [Form] {
        guard node.output.count == 1, let function = function(of: node) else { return [] }
        let operands = node.input.map { name -> (constant: Double?, forms: [Form]) in
            if let constant = constants[name] {
                // One with a dimension would give it to a value that has none.
                return (constant.dims.isEmpty ? constant.number.map(Double.init) : nil, [])
            }
            return (nil, (known[name] ?? []) + [Form(root: name, values: points)])
        }
        guard let variable = operands.first(where: { $0.constant == nil }) else { return [] }
        return variable.forms.compactMap { form in
            var inputs: [[Double]] = []
            for operand in operands {
                if let constant = operand.constant {
                    inputs.append([Double](repeating: constant, count: points.count))
                } else if let form = operand.forms.first(where: { $0.root == form.root }) {
                    inputs.append(form.values)
                } else {
                    return nil
                }
            }
            return Form(root: form.root, values: zip(inputs[0], inputs[inputs.count - 1]).map(function))
        }
    }

    /// What a node makes of its one number, given twice, or its two.
    private static func function(of node: Onnx_NodeProto) -> ((Double, Double) -> Double)? {
        switch (node.operation, node.input.count) {
        case ("Add", 2): { $0 + $1 }
        case ("Sub", 2): { $0 - $1 }
        case ("Mul", 2): { $0 * $1 }
        case ("Div", 2): { $0 / $1 }
        case ("Pow", 2): { pow($0, $1) }
        case ("Neg", 1): { x, _ in -x }
        case ("Tanh", 1): { x, _ in tanh(x) }
        default: nil
        }
    }
}
