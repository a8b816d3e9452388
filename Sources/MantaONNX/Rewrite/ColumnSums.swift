internal import MantaWire

/// Computes as one matrix product what a graph does with the columns of a machine's scores one by one.
///
/// skl2onnx turns the scores of pairs of classes to scores of classes like that: for ten classes with 250 nodes, each of
/// which picks, negates or adds columns. They take most of the time of a run of one row.
enum ColumnSums {
    /// A column: a sum of columns of the scores, each with its weight, and a constant.
    private struct Column {
        var weights: [Int: Float]
        var constant: Float = 0

        static func + (left: Column, right: Column) -> Column {
            Column(
                weights: left.weights.merging(right.weights, uniquingKeysWith: +),
                constant: left.constant + right.constant)
        }

        static func * (column: Column, factor: Float) -> Column {
            Column(weights: column.weights.mapValues { $0 * factor }, constant: column.constant * factor)
        }
    }

    /// Columns of the same scores.
    private struct Columns {
        let scores: String
        var columns: [Column]
    }

    /// Below this many nodes it isn't worth it.
    private static let minNodes = 8

    /// More columns than the machines have that are rewritten.
    private static let maxColumns = 512

    /// - Parameters:
    ///   - graph: What is rewritten.
    ///   - scores: Those of machines, which are all finite: times a weight of 0 they are 0.
    static func apply(to graph: inout Onnx_GraphProto, scores: Set<String>) {
        var reader = Reader(graph, scores: scores)
        let folded = graph.node.map { reader.columns($0) }
        let used = Set(graph.output.map(\.name)).union(
            zip(graph.node, folded).flatMap { node, columns in columns == nil ? node.input : [] })
        let results = zip(graph.node, folded).compactMap { node, columns in
            columns.flatMap { used.contains(node.output[0]) ? $0 : nil }
        }
        guard folded.count(where: { $0 != nil }) >= minNodes + 4 * results.count else { return }

        var nodes: [Onnx_NodeProto] = []
        var picked: [String: [Int]] = [:]
        for (node, columns) in zip(graph.node, folded) {
            guard let columns else {
                nodes.append(node)
                continue
            }
            let output = node.output[0]
            guard used.contains(output) else { continue }
            let scores = columns.scores
            if picked[scores] == nil {
                let indices = Set(results.filter { $0.scores == scores }.flatMap(\.columns).flatMap(\.weights.keys))
                picked[scores] = indices.sorted()
                graph.initializer.append(.init("manta:\(scores):indices", indices.sorted()))
                var pick = Onnx_NodeProto(
                    "ArrayFeatureExtractor", [scores, "manta:\(scores):indices"], "manta:\(scores):columns")
                pick.domain = "ai.onnx.ml"
                nodes.append(pick)
            }
            let indices = picked[scores] ?? []
            let count = columns.columns.count
            let weights = indices.flatMap { index in columns.columns.map { $0.weights[index] ?? 0 } }
            graph.initializer.append(.init("manta:\(output):weights", [indices.count, count], weights))
            graph.initializer.append(.init("manta:\(output):constants", [count], columns.columns.map(\.constant)))
            nodes.append(
                .init("MatMul", ["manta:\(scores):columns", "manta:\(output):weights"], "manta:\(output):product"))
            nodes.append(.init("Add", ["manta:\(output):product", "manta:\(output):constants"], output))
        }
        let before = graph.node
        graph.node = nodes
        graph.removeConstants(takenBy: before)
    }

    /// Follows columns through a graph.
    private struct Reader {
        private let producers: [String: Onnx_NodeProto]
        private let constants: [String: Onnx_TensorProto]
        private let scores: Set<String>
        private var known: [String: Columns] = [:]
        /// How many weights may still be noted. Those of all columns of a machine are a few thousand.
        private var room = 1 << 20

        init(_ graph: Onnx_GraphProto, scores: Set<String>) {
            self.scores = scores
            producers = graph.producers
            constants = graph.constants
        }

        /// What a node gives, if that is made of columns of scores. Nodes have to be asked in the graph's order.
        mutating func columns(_ node: Onnx_NodeProto) -> Columns? {
            guard node.output.count == 1, let columns = result(of: node) else { return nil }
            room -= columns.columns.reduce(0) { $0 + $1.weights.count + 1 }
            guard room >= 0 else { return nil }
            known[node.output[0]] = columns
            return columns
        }

        private func result(of node: Onnx_NodeProto) -> Columns? {
            switch (node.operation, node.input.count) {
            case ("ml.ArrayFeatureExtractor", 2): return picked(node)
            case ("Identity", 1): return known[node.input[0]]
            case ("Neg", 1): return known[node.input[0]].map { map($0) { $0 * -1 } }
            case ("Add", 2): return shifted(node.input[0], by: node.input[1]) ?? sum(node)
            case ("Sum", 1...): return sum(node)
            case ("Concat", 1...):
                guard node["axis"]?.i == 1 || node["axis"]?.i == -1, let parts = operands(node),
                    parts.reduce(0, { $0 + $1.columns.count }) <= maxColumns
                else { return nil }
                return Columns(scores: parts[0].scores, columns: parts.flatMap(\.columns))
            default: return nil
            }
        }

        private func picked(_ node: Onnx_NodeProto) -> Columns? {
            guard let indices = constants[node.input[1]]?.wholeNumbers, 1...maxColumns ~= indices.count else {
                return nil
            }
            if let columns = known[node.input[0]] {
                guard indices.allSatisfy(columns.columns.indices.contains) else { return nil }
                return Columns(scores: columns.scores, columns: indices.map { columns.columns[$0] })
            }
            guard indices.allSatisfy({ 0..<maxColumns ~= $0 }), isMadeOfScores(node.input[0]) else { return nil }
            return Columns(scores: node.input[0], columns: indices.map { Column(weights: [$0: 1]) })
        }

        private func shifted(_ value: String, by constant: String) -> Columns? {
            guard let columns = known[value], let constant = constants[constant], constant.dims.count <= 2,
                let number = constant.number
            else { return nil }
            return map(columns) { $0 + Column(weights: [:], constant: number) }
        }

        private func sum(_ node: Onnx_NodeProto) -> Columns? {
            guard let parts = operands(node), parts.allSatisfy({ $0.columns.count == parts[0].columns.count }) else {
                return nil
            }
            return parts.dropFirst().reduce(parts[0]) { sum, part in
                Columns(scores: sum.scores, columns: zip(sum.columns, part.columns).map { $0 + $1 })
            }
        }

        private func operands(_ node: Onnx_NodeProto) -> [Columns]? {
            let parts = node.input.compactMap { known[$0] }
            guard parts.count == node.input.count, parts.allSatisfy({ $0.scores == parts[0].scores }) else {
                return nil
            }
            return parts
        }

        private func map(_ columns: Columns, _ change: (Column) -> Column) -> Columns {
            Columns(scores: columns.scores, columns: columns.columns.map(change))
        }

        /// Whether a value is surely a matrix of 32-bit floats with the columns of a machine's scores.
        private func isMadeOfScores(_ value: String) -> Bool {
            var (value, isFloat) = (value, false)
            for _ in 0..<Onnx_GraphProto.maxSteps {
                guard !scores.contains(value) else { return true }
                guard let producer = producers[value], let input = producer.input.first else { return false }
                switch producer.operation {
                case "Neg", "Abs", "Identity": break
                case "Cast":
                    if !isFloat, producer["to"]?.i != Int64(Onnx_TensorProto.float) { return false }
                    isFloat = true
                case "Less", "Greater":
                    guard isFloat, producer.input.count == 2, let limit = constants[producer.input[1]],
                        limit.dims.allSatisfy({ $0 == 1 }), limit.dims.count <= 2
                    else { return false }
                default: return false
                }
                value = input
            }
            return false
        }
    }
}
