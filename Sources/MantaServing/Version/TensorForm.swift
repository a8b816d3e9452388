import MantaCore

/// The shape of a tensor as clients see it, and as the model has it.
///
/// Where the two differ, their free sizes follow one another in the same order, and what is between them has as many
/// elements in both: `[-1, 4, 2]` may be `[-1, 8]`, but not `[4, -1, 2]`.
struct TensorForm: Sendable, CustomStringConvertible {
    /// As clients see it.
    let shape: Shape
    /// As the model has it.
    let modelShape: Shape

    /// Puts together what a configuration and a model say of a tensor; `nil` if the configuration says nothing of its
    /// shape.
    ///
    /// - Parameters:
    ///   - port: What the configuration says.
    ///   - spec: What the model says.
    ///   - subject: What messages call it.
    ///   - isBatched: Whether the first dimension is the batch, which the configuration leaves out.
    /// - Throws: ``ServingError`` with code `modelUnavailable` where they contradict each other.
    init?(_ port: TensorPort, _ spec: TensorSpec, subject: String, isBatched: Bool) throws(ServingError) {
        if let type = port.dataType, type != spec.dataType {
            throw ServingError(
                .modelUnavailable,
                "\(subject): the configuration has datatype \(type.rawValue), the model \(spec.dataType.rawValue)")
        }
        if port.isOptional, !spec.isOptional {
            throw ServingError(
                .modelUnavailable, "\(subject): the configuration says it is optional, the model needs it")
        }
        guard let dims = port.shape else { return nil }
        let batch = isBatched ? [-1] : []
        let said = Shape(batch + (port.reshape ?? dims))
        if isBatched, spec.shape.dimensions.first != -1 {
            throw ServingError(
                .modelUnavailable,
                "\(subject): the configuration asks for batches, but the model has shape \(spec.shape), whose first "
                    + "dimension isn't free; set max_batch_size to 0")
        }
        guard let merged = said.merged(with: spec.shape) else {
            throw ServingError(
                .modelUnavailable,
                "\(subject): the configuration has shape \(said)\(isBatched ? " with the batch" : ""), "
                    + "the model \(spec.shape)")
        }
        modelShape = merged
        if let fault = port.reshapeFault { throw ServingError(.modelUnavailable, "\(subject): reshape \(fault)") }
        // Where the model fixes a size that the configuration leaves free, clients see that too.
        var free = zip(said.dimensions, merged.dimensions).filter { $0.0 == -1 }.map(\.1)[...]
        shape = Shape((batch + dims).map { $0 == -1 ? free.popFirst() ?? -1 : $0 })
    }

    /// As the model has it, from a client's.
    func inner(_ tensor: Tensor) -> Tensor {
        tensor.reshaped(filled(modelShape, from: tensor.shape, of: shape))
    }

    /// As clients see it, from the model's; `nil` if it has a shape that wasn't agreed on.
    func outer(_ tensor: Tensor) -> Tensor? {
        guard modelShape.admits(tensor.shape) else { return nil }
        let filled = filled(shape, from: tensor.shape, of: modelShape)
        return filled.elementCount == tensor.elementCount ? tensor.reshaped(filled) : nil
    }

    /// Both shapes, for people.
    var description: String { shape == modelShape ? "\(shape)" : "\(modelShape), which clients see as \(shape)" }

    /// A shape with its free sizes taken, in order, from a tensor whose own shape has as many.
    private func filled(_ target: Shape, from actual: Shape, of source: Shape) -> Shape {
        guard target != source else { return actual }
        var sizes = zip(source.dimensions, actual.dimensions).filter { $0.0 == -1 }.map(\.1)[...]
        return Shape(target.dimensions.map { $0 == -1 ? sizes.popFirst() ?? 1 : $0 })
    }
}

extension Shape {
    /// What both say: a size that is fixed in either is fixed. `nil` if they contradict each other.
    fileprivate func merged(with other: Shape) -> Shape? {
        guard rank == other.rank else { return nil }
        var merged: [Int] = []
        for (mine, others) in zip(dimensions, other.dimensions) {
            guard mine == others || mine == -1 || others == -1 else { return nil }
            merged.append(mine == -1 ? others : mine)
        }
        return Shape(merged)
    }
}

extension TensorPort {
    /// Why its reshape can't be made, for people; `nil` if it can.
    public var reshapeFault: String? {
        guard let shape, let reshape else { return nil }
        guard let from = Self.runs(of: shape), let to = Self.runs(of: reshape) else {
            return "has more elements than can be counted"
        }
        guard from.count == to.count else {
            return "\(Shape(reshape)) has \(to.count - 1) free sizes, \(Shape(shape)) has \(from.count - 1)"
        }
        guard from == to else {
            return "\(Shape(reshape)) doesn't have the elements of \(Shape(shape)) between its free sizes"
        }
        return nil
    }

    /// The elements before, between and after the free sizes; `nil` if they are too many to count.
    private static func runs(of shape: [Int]) -> [Int]? {
        let counts = shape.split(separator: -1, omittingEmptySubsequences: false).map { Shape(Array($0)).elementCount }
        return counts.contains(nil) ? nil : counts.compactMap(\.self)
    }
}
