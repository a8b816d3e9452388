internal import MantaWire

/// Computes the radial kernel of support vector machines as matrix products.
///
/// ONNX Runtime (1.28) computes exp(-gamma |x - s|²) number by number, for each row x and support vector s. With
/// |x - s|² = |x|² - 2 x·s + |s|² most of it is one product of all rows with all vectors, and the decisions are another.
enum KernelProducts {
    /// The oldest version of ONNX's operators that has all that is used here, in this form.
    static let minOperatorSet: Int64 = 9

    /// - Returns: The last output of each such machine: a classifier's scores, a regressor's only one.
    static func apply(to graph: inout Onnx_GraphProto) -> Set<String> {
        let before = graph
        let producers = before.producers
        var nodes: [Onnx_NodeProto] = []
        var changed: Set<String> = []
        for (index, node) in before.node.enumerated() {
            if let machine = SupportVectorMachine(node),
                columns(of: node.input[0], in: before, producers, types: machine.inputTypes) == machine.features,
                let output = node.output.last
            {
                changed.insert(output)
                nodes += products(machine, of: node.input[0], prefix: "manta:svm\(index):", &graph.initializer)
            } else {
                nodes.append(node)
            }
        }
        graph.node = nodes
        return changed
    }

    /// The columns of a value that is surely a matrix of one of these types with a fixed number of them.
    ///
    /// A product wouldn't notice each of the mistakes that the machine would refuse.
    private static func columns(
        of value: String, in graph: Onnx_GraphProto, _ producers: [String: Onnx_NodeProto], types: Set<Int>
    ) -> Int? {
        var value = value
        var known: Int?
        for _ in 0..<Onnx_GraphProto.maxSteps {
            guard let producer = producers[value] else { break }
            switch producer.operation {
            case "ml.Scaler", "ml.Normalizer": known = known ?? Onnx_TensorProto.float
            case "Cast": known = known ?? producer["to"].map { Int($0.i) }
            case "ml.Imputer", "Identity", "Abs": break
            default: return nil
            }
            guard let input = producer.input.first else { return nil }
            value = input
        }
        guard let type = graph.input.first(where: { $0.name == value })?.type.tensorType, type.shape.dim.count == 2,
            type.shape.dim[1].hasDimValue, types.contains(known ?? Int(type.elemType))
        else { return nil }
        return Int(type.shape.dim[1].dimValue)
    }

    private static func products(
        _ machine: SupportVectorMachine, of rows: String, prefix: String, _ constants: inout [Onnx_TensorProto]
    ) -> [Onnx_NodeProto] {
        func name(_ part: String) -> String { prefix + part }
        // Infinite numbers, and those whose squares would be, are as far from each vector as any: their kernel is 0.
        let farthest = (1e37 / Float(machine.features)).squareRoot()
        let (features, count, outputs) = (machine.features, machine.count, machine.outputs)
        constants += [
            .init(name("center"), [features], machine.center),
            .init(name("farthest"), [1], [farthest]),
            .init(name("farthest_below"), [1], [-farthest]),
            .init(name("ones"), [features, 1], [Float](repeating: 1, count: features)),
            .init(name("vectors"), [features, count], machine.vectors),
            .init(name("weights"), [count, outputs], machine.weights),
        ]
        var rest = machine.rest
        rest.input = [name("decisions")]
        return [
            .init("Cast", [rows], name("rows"), [.init("to", Onnx_TensorProto.float)]),
            .init("Sub", [name("rows"), name("center")], name("all_centered")),
            .init("Min", [name("all_centered"), name("farthest")], name("bounded_above")),
            .init("Max", [name("bounded_above"), name("farthest_below")], name("centered")),
            .init("Mul", [name("centered"), name("centered")], name("squares")),
            .init("MatMul", [name("squares"), name("ones")], name("square")),
            .init(
                "Gemm", [name("centered"), name("vectors"), name("square")], name("exponents"),
                [.init("alpha", 2 * machine.gamma), .init("beta", -machine.gamma)]),
            .init("Exp", [name("exponents")], name("kernel")),
            .init("MatMul", [name("kernel"), name("weights")], name("decisions")),
            rest,
        ]
    }
}
