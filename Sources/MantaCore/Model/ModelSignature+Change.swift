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
    fileprivate func difference(from old: TensorSpec, accepts: (TensorSpec, TensorSpec) -> Bool) -> String? {
        if dataType != old.dataType { return "was \(old.dataType.rawValue) and is \(dataType.rawValue) now" }
        if !accepts(self, old) { return "was \(old.shapeText) and is \(shapeText) now" }
        return isOptional || !old.isOptional ? nil : "was optional"
    }

    /// Whether each tensor that the other admits is admitted here too.
    fileprivate func isWider(than other: TensorSpec) -> Bool {
        if hasAnyShape || other.hasAnyShape { return hasAnyShape }
        return shape.rank == other.shape.rank
            && zip(shape.dimensions, other.shape.dimensions).allSatisfy { $0 == -1 || $0 == $1 }
    }

    private var shapeText: String { hasAnyShape ? "of any shape" : shape.description }
}
