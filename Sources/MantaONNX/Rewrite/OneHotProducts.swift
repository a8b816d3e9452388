internal import MantaWire

/// Looks rows of a table up where a graph multiplies it by rows of zeros with a one.
///
/// That is how JAX computes embeddings, and exporters keep it: numbers are compared with 0, 1, 2, …, and what comes of it
/// is multiplied by the table. A number that is none of these gets a row of zeros.
enum OneHotProducts {
    /// The first version of ONNX's operators that has all that is used here, in this form.
    private static let minOperatorSet: Int64 = 13

    /// More than tables have.
    private static let maxColumns: Int64 = 1 << 16

    /// - Returns: Whether anything changed.
    static func apply(to graph: inout Onnx_GraphProto, version: Int64) -> Bool {
        guard version >= minOperatorSet else { return false }
        let before = graph.node
        let reader = Reader(graph)
        var nodes: [Onnx_NodeProto] = []
        var replaced: Set<String> = []
        for node in before {
            if let lookup = reader.lookup(node) {
                nodes += lookup.nodes(&graph.initializer)
                replaced.formUnion(lookup.steps)
            } else {
                nodes.append(node)
            }
        }
        guard !replaced.isEmpty else { return false }
        graph.node = nodes
        graph.removeUnused(Set(nodes.indices.filter { nodes[$0].output.contains(where: replaced.contains) }))
        graph.removeConstants(takenBy: before)
        return true
    }

    /// What is looked up, and where.
    private struct Lookup {
        /// Numbers, with a last dimension of 1.
        let numbers: String
        /// The shape that they are repeated to, and then compared.
        var shape: String?
        /// Their type, by its number in ONNX.
        let type: Int
        let table: String
        let (rows, columns): (Int, Int)
        let output: String
        /// The values between numbers and output.
        let steps: [String]

        func nodes(_ constants: inout [Onnx_TensorProto]) -> [Onnx_NodeProto] {
            func name(_ part: String) -> String { "manta:\(output):\(part)" }
            constants += [
                .init(name("zeros"), [1, columns], [Float](repeating: 0, count: columns)),
                .init(name("before"), [-1], type: type),
                .init(name("behind"), [rows], type: type),
                .init(name("one"), [1], type: type),
                .init(name("last"), [-1]),
            ]
            var (nodes, numbers) = ([] as [Onnx_NodeProto], numbers)
            if let shape {
                // All of the shape but its last size, which is the table's.
                constants += [.init(name("first"), [0]), .init(name("single"), [1])]
                nodes = [
                    .init("Slice", [shape, name("first"), name("last")], name("sizes")),
                    .init("Concat", [name("sizes"), name("single")], name("shape"), [.init("axis", 0)]),
                    .init("Expand", [numbers, name("shape")], name("numbers")),
                ]
                numbers = name("numbers")
            }
            return nodes + [
                .init("Squeeze", [numbers, name("last")], name("all_places")),
                .init("Max", [name("all_places"), name("before")], name("places_above")),
                .init("Min", [name("places_above"), name("behind")], name("places_within")),
                .init("Add", [name("places_within"), name("one")], name("places")),
                .init("Concat", [name("zeros"), table, name("zeros")], name("table"), [.init("axis", 0)]),
                .init("Gather", [name("table"), name("places")], output, [.init("axis", 0)]),
            ]
        }
    }

    private struct Reader {
        private let constants: [String: Onnx_TensorProto]
        private let producers: [String: Onnx_NodeProto]

        init(_ graph: Onnx_GraphProto) {
            (constants, producers) = (graph.constants, graph.producers)
        }

        /// What a product looks up, if it is one of these.
        func lookup(_ product: Onnx_NodeProto) -> Lookup? {
            guard product.operation == "MatMul", product.input.count == 2, product.output.count == 1,
                let table = constants[product.input[1]], Int(table.dataType) == Onnx_TensorProto.float,
                table.dims.count == 2, 1...maxColumns ~= table.dims[1], let cast = producers[product.input[0]],
                cast.operation == "Cast",
                cast["to"]?.i == Int64(Onnx_TensorProto.float), cast.input.count == 1,
                let comparison = producers[cast.input[0]], comparison.operation == "Equal", comparison.input.count == 2,
                let places = comparison.input.compactMap({ constants[$0] }).first,
                let numbers = comparison.input.first(where: { constants[$0] == nil }),
                let count = places.wholeNumbers?.count, count > 1, count == Int(table.dims[0]),
                places.wholeNumbers == Array(0..<count), places.dims.last == Int64(count),
                places.dims.dropLast().allSatisfy({ $0 == 1 })
            else { return nil }
            var (source, shape, steps) = (numbers, nil as String?, cast.output + comparison.output)
            if let repetition = producers[numbers], repetition.operation == "Expand", repetition.input.count == 2 {
                (source, shape) = (repetition.input[0], repetition.input[1])
                steps += repetition.output
            }
            guard rank(ofSingle: source) >= places.dims.count else { return nil }
            return Lookup(
                numbers: source, shape: shape, type: Int(places.dataType), table: product.input[1], rows: count,
                columns: Int(table.dims[1]), output: product.output[0], steps: steps)
        }

        /// How many dimensions a value has at least whose last one is surely 1; 0 if that isn't sure.
        private func rank(ofSingle value: String) -> Int {
            guard let producer = producers[value], producer.input.count == 2,
                let numbers = constants[producer.input[1]]?.wholeNumbers
            else { return 0 }
            switch producer.operation {
            case "Reshape": return numbers.last == 1 ? numbers.count : 0
            case "Unsqueeze": return numbers == [-1] ? 1 : 0
            default: return 0
            }
        }
    }
}
