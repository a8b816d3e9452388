internal import Glibc
internal import MantaWire

/// What a node of `SVMClassifier` or `SVMRegressor` with a radial kernel knows.
///
/// See the two operators in ONNX's `docs/Operators-ml.md`. A classifier has a decision for each pair of classes, a
/// regressor has one.
struct SupportVectorMachine {
    let gamma: Float
    /// Numbers of a row.
    let features: Int
    /// Support vectors.
    let count: Int
    /// Decisions.
    let outputs: Int
    /// The mean of the support vectors, from which they and rows are measured so that squares stay small.
    let center: [Float]
    /// The support vectors from there: a column for each.
    let vectors: [Float]
    /// What the kernel of each vector (row) adds to each decision (column), with the kernel's constant factor.
    let weights: [Float]
    /// A machine that takes the decisions in place of rows, and does with them what the node did: votes, probabilities,
    /// labels.
    private(set) var rest: Onnx_NodeProto

    /// exp(-gamma |x - s|²) is exp(2 gamma x·s - gamma |x|²) times exp(-gamma |s|²), and this bounds the latter's exponent.
    private static let maxExponent = 32.0

    /// How much rounding may change a decision: as much as exponents are rounded, times what kernels count.
    ///
    /// The margin between classes is 1 in these units.
    private static let maxRounding = 1e-3

    /// What a machine may grow to.
    private static let maxWeights = 4 << 20

    /// With more, most of the weights are 0, and the many decisions cost more than the kernel.
    private static let maxClasses = 20

    /// `nil` if the node is something else, or one that we leave to the runtime.
    init?(_ node: Onnx_NodeProto) {
        guard node.input.count == 1, node["kernel_type"]?.text == "RBF",
            let gamma = node["kernel_params"]?.floats.first,
            gamma > 1e-12, gamma < 1e12, let support = node["support_vectors"]?.floats,
            let coefficients = node["coefficients"]?.floats,
            let intercepts = node["rho"]?.floats, intercepts.allSatisfy(\.isFinite),
            ["NONE", nil].contains(node["post_transform"]?.text)
        else { return nil }
        let pairs: [[(vector: Int, weight: Float)]]
        switch node.operation {
        case "ml.SVMClassifier":
            let counts = node["vectors_per_class"]?.ints.map(Int.init) ?? []
            guard let all = Self.pairs(counts, coefficients, intercepts: intercepts.count) else { return nil }
            (pairs, count) = (all, coefficients.count / (counts.count - 1))
        case "ml.SVMRegressor":
            count = coefficients.count
            guard count > 0, node["n_supports"]?.i == Int64(count), intercepts.count == 1 else { return nil }
            pairs = [coefficients.enumerated().map { ($0.offset, $0.element) }]
        default: return nil
        }
        guard count * pairs.count <= Self.maxWeights, support.count.isMultiple(of: count), !support.isEmpty else {
            return nil
        }
        (self.gamma, features, outputs) = (gamma, support.count / count, pairs.count)

        let rows = stride(from: 0, to: support.count, by: features).map { [features] in support[$0..<$0 + features] }
        let center = (0..<features).map { column in
            Float(rows.reduce(0.0) { $0 + Double($1[$1.startIndex + column]) } / Double(rows.count))
        }
        self.center = center
        let centered = rows.map { row in zip(row, center).map { Double($0) - Double($1) } }
        let exponents = centered.map { row in Double(gamma) * row.reduce(0) { $0 + $1 * $1 } }
        guard let largest = exponents.max(), exponents.allSatisfy({ $0 <= Self.maxExponent }),
            pairs.allSatisfy({ pair in
                let weights = pair.reduce(0) { $0 + Double($1.weight.magnitude) }
                return weights * max(1, largest) * Double(Float.ulpOfOne) <= Self.maxRounding
            })
        else { return nil }

        var vectors = [Float](repeating: 0, count: support.count)
        for (row, values) in centered.enumerated() {
            for (column, value) in values.enumerated() { vectors[column * count + row] = Float(value) }
        }
        self.vectors = vectors
        var weights = [Float](repeating: 0, count: count * pairs.count)
        for (pair, members) in pairs.enumerated() {
            for (vector, weight) in members {
                weights[vector * pairs.count + pair] = Float(Double(weight) * exp(-exponents[vector]))
            }
        }
        self.weights = weights
        rest = node
        rest.set(.init("kernel_type", "LINEAR"))
        rest.set(.init("kernel_params", [0, 0, 0] as [Float]))
        setRest()
    }

    /// The types of rows that the runtime's operator takes, by their numbers in ONNX: 32-bit floats, for a classifier also
    /// 64-bit ones and whole numbers of 32 and 64 bits.
    var inputTypes: Set<Int> { rest.opType == "SVMClassifier" ? [1, 6, 7, 11] : [1] }

    /// The vectors and their weights of each pair of classes (0, 1), (0, 2), …
    ///
    /// A vector has one coefficient for each class but its own, in their order: row k of `coefficients` has those against
    /// class k, or against k + 1 for vectors of the classes up to k.
    private static func pairs(
        _ counts: [Int], _ coefficients: [Float], intercepts: Int
    ) -> [[(vector: Int, weight: Float)]]? {
        let classes = counts.count
        let total = counts.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        guard classes > 1, classes <= maxClasses, total > 0, total <= coefficients.count,
            counts.allSatisfy({ 0...total ~= $0 }),
            coefficients.count == (classes - 1) * total, intercepts == classes * (classes - 1) / 2
        else { return nil }
        var ranges: [Range<Int>] = []
        for count in counts { ranges.append((ranges.last?.upperBound ?? 0)..<(ranges.last?.upperBound ?? 0) + count) }
        var pairs: [[(vector: Int, weight: Float)]] = []
        for first in 0..<classes {
            for second in first + 1..<classes {
                pairs.append(
                    ranges[first].map { ($0, coefficients[(second - 1) * total + $0]) }
                        + ranges[second].map { ($0, coefficients[first * total + $0]) })
            }
        }
        return pairs
    }

    /// Makes the rest a machine of one vector for each decision that takes this, and nothing else.
    private mutating func setRest() {
        guard rest.opType == "SVMClassifier" else {
            rest.set(.init("support_vectors", [1] as [Float]))
            rest.set(.init("n_supports", 1))
            return rest.set(.init("coefficients", [1] as [Float]))
        }
        // The vector of a pair belongs to its second class, and counts against its first only. (The first class has none
        // then. Were it the last, the runtime would look for its vectors behind the end.)
        let classes = rest["vectors_per_class"]?.ints.count ?? 0
        var vectors = [Float](repeating: 0, count: outputs * outputs)
        var coefficients = [Float](repeating: 0, count: (classes - 1) * outputs)
        var vector = 0
        for second in 1..<classes {
            for first in 0..<second {
                let pair = first * (2 * classes - first - 1) / 2 + second - first - 1
                vectors[vector * outputs + pair] = 1
                coefficients[first * outputs + vector] = 1
                vector += 1
            }
        }
        rest.set(.init("vectors_per_class", Array(0..<classes)))
        rest.set(.init("support_vectors", vectors))
        rest.set(.init("coefficients", coefficients))
    }
}
