extension ModelSignature {
    /// Why requests that were right for another signature may be wrong for this one, or its replies a surprise; `nil` if
    /// clients won't notice a difference.
    ///
    /// New outputs and new optional inputs are no obstacle, nor is a size that was fixed and is free now.
    package func obstacle(toServingClientsOf old: ModelSignature) -> String? {
        for spec in old.inputs {
            guard let new = inputs.first(where: { $0.name == spec.name }) else {
                return "its signature has changed: input \"\(spec.name)\" is gone"
            }
            if let difference = new.difference(from: spec, accepts: { $0.isWider(than: $1) }) {
                return "its signature has changed: input \"\(spec.name)\" \(difference)"
            }
        }
        for spec in inputs where !spec.isOptional && !old.inputs.contains(where: { $0.name == spec.name }) {
            return "its signature has changed: input \"\(spec.name)\" is new and not optional"
        }
        for spec in old.outputs {
            guard let new = outputs.first(where: { $0.name == spec.name }) else {
                return "its signature has changed: output \"\(spec.name)\" is gone"
            }
            if let difference = new.difference(from: spec, accepts: { $1.isWider(than: $0) }) {
                return "its signature has changed: output \"\(spec.name)\" \(difference)"
            }
        }
        return nil
    }
}

extension TensorSpec {
    fileprivate func difference(from old: TensorSpec, accepts: (Shape, Shape) -> Bool) -> String? {
        if dataType != old.dataType { return "was \(old.dataType.rawValue) and is \(dataType.rawValue) now" }
        if !accepts(shape, old.shape) { return "was \(old.shape) and is \(shape) now" }
        return isOptional || !old.isOptional ? nil : "was optional"
    }
}

extension Shape {
    /// Whether each tensor of the other shape, whose free sizes are -1, is one of this shape too.
    fileprivate func isWider(than other: Shape) -> Bool {
        rank == other.rank && zip(dimensions, other.dimensions).allSatisfy { $0 == -1 || $0 == $1 }
    }
}
