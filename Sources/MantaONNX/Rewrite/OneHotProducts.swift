internal import MantaWire

/// Looks rows of a table up where a graph multiplies it by rows of zeros with a one.
///
/// That is how JAX computes embeddings, and exporters keep it: numbers are compared with 0, 1, 2, …, and what comes of it
/// is multiplied by the table. A number that is none of these gets a row of zeros. The shape to which numbers are repeated
/// for that isn't looked at in its last size, without which there would be no product.
enum OneHotProducts {
    /// The first version of ONNX's operators that has all that is used here, in this form.
    private static let minOperatorSet: Int64 = 13

    /// More than tables have, and models of them.
    private static let maxColumns: Int64 = 1 << 16
    private static let maxTables = 64

    /// - Returns: Whether anything changed.
    static func apply(to graph: inout Onnx_GraphProto, version: Int64) -> Bool {
        guard version >= minOperatorSet else { return false }
        let before = graph.node
        var reader = Reader(graph)
        var nodes: [Onnx_NodeProto] = []
        var (tables, replaced): (Set<String>, Set<String>) = ([], [])
        for node in before {
            if let lookup = reader.lookup(node), tables.count < maxTables || tables.contains(lookup.table) {
                if tables.insert(lookup.table).inserted { nodes += lookup.framedTable(&graph.initializer) }
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

        private var framed: String { "manta:\(table):framed" }

        /// The table between two rows of zeros, which the runtime computes once.
        func framedTable(_ constants: inout [Onnx_TensorProto]) -> [Onnx_NodeProto] {
            let zeros = "manta:\(table):zeros"
            constants.append(.init(zeros, [1, columns], [Float](repeating: 0, count: columns)))
            return [.init("Concat", [zeros, table, zeros], framed, [.init("axis", 0)])]
        }

        func nodes(_ constants: inout [Onnx_TensorProto]) -> [Onnx_NodeProto] {
            func name(_ part: String) -> String { "manta:\(output):\(part)" }
            constants += [
                .init(name("before"), -1, type: type), .init(name("behind"), rows, type: type),
                .init(name("one"), 1, type: type), .init(name("last"), [-1]),
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
                .init("Gather", [framed, name("places")], output, [.init("axis", 0)]),
            ]
        }
    }

    private struct Reader {
        private let constants: [String: Onnx_TensorProto]
        private let producers: [String: Onnx_NodeProto]
        private var counts: [String: Int?] = [:]

        init(_ graph: Onnx_GraphProto) {
            (constants, producers) = (graph.constants, graph.producers)
        }

        /// What a product looks up, if it is one of these.
        mutating func lookup(_ product: Onnx_NodeProto) -> Lookup? {
            guard product.operation == "MatMul", product.input.count == 2, product.output.count == 1,
                let table = constants[product.input[1]], Int(table.dataType) == Onnx_TensorProto.float,
                table.dims.count == 2, 1...maxColumns ~= table.dims[1], let cast = producers[product.input[0]],
                cast.operation == "Cast",
                cast["to"]?.i == Int64(Onnx_TensorProto.float), cast.input.count == 1,
                let comparison = producers[cast.input[0]], comparison.operation == "Equal", comparison.input.count == 2,
                let constant = comparison.input.first(where: { constants[$0] != nil }),
                let places = constants[constant],
                let numbers = comparison.input.first(where: { constants[$0] == nil }),
                let count = count(of: constant, places), table.dims[0] == Int64(count)
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

        /// How many numbers 0, 1, 2, … a constant has along its last dimension, if it is that.
        private mutating func count(of name: String, _ places: Onnx_TensorProto) -> Int? {
            if let known = counts[name] { return known }
            var count: Int?
            if let numbers = places.wholeNumbers, numbers.count > 1, numbers == Array(0..<numbers.count),
                places.dims.last == Int64(numbers.count), places.dims.dropLast().allSatisfy({ $0 == 1 })
            {
                count = numbers.count
            }
            counts[name] = .some(count)
            return count
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
