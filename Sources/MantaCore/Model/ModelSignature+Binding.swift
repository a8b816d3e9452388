extension ModelSignature {
    /// Puts a request's inputs into the model's order and checks each against the signature.
    ///
    /// - Returns: One tensor for each input of the model; `nil` for an optional one that is left out.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the input, what was found and what is expected.
    public func bind(_ inputs: [NamedTensor]) throws(ServingError) -> [Tensor?] {
        var bound = [Tensor?](repeating: nil, count: self.inputs.count)
        for input in inputs {
            guard let index = self.inputs.index(named: input.name) else {
                throw ServingError(
                    .invalidRequest,
                    "input \"\(input.name)\": the model has no such input; it has \(listed(self.inputs))")
            }
            guard bound[index] == nil else {
                throw ServingError(.invalidRequest, "input \"\(input.name)\": given twice")
            }
            // Looked at in place: to copy a specification costs more than to check a tensor.
            let specs = self.inputs.span
            guard input.tensor.dataType == specs[index].dataType else {
                throw ServingError(
                    .invalidRequest,
                    "input \"\(input.name)\": expected datatype \(specs[index].dataType.rawValue), "
                        + "got \(input.tensor.dataType.rawValue)")
            }
            guard specs[index].admits(input.tensor.shape) else {
                throw ServingError(
                    .invalidRequest,
                    "input \"\(input.name)\": expected shape \(specs[index].shape), got \(input.tensor.shape)")
            }
            bound[index] = input.tensor
        }
        for index in bound.indices where bound[index] == nil && !self.inputs[index].isOptional {
            let missing = self.inputs[index]
            throw ServingError(
                .invalidRequest,
                "input \"\(missing.name)\" is missing: expected \(missing.dataType.rawValue) \(missing.shape)")
        }
        return bound
    }

    /// The indices of these outputs, in the order asked for; all outputs if none is given.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the output.
    public func outputIndices(_ wanted: [RequestedOutput]) throws(ServingError) -> [Int] {
        guard !wanted.isEmpty else { return Array(outputs.indices) }
        var indices: [Int] = []
        indices.reserveCapacity(wanted.count)
        for name in wanted.lazy.map(\.name) {
            guard let index = outputs.index(named: name) else {
                throw ServingError(
                    .invalidRequest, "output \"\(name)\": the model has no such output; it has \(listed(outputs))")
            }
            guard !indices.contains(index) else {
                throw ServingError(.invalidRequest, "output \"\(name)\": asked for twice")
            }
            indices.append(index)
        }
        return indices
    }

    private func listed(_ specs: [TensorSpec]) -> String {
        specs.map { "\"\($0.name)\"" }.joined(separator: ", ")
    }
}

extension [TensorSpec] {
    /// Where the input or output of this name is.
    fileprivate func index(named name: String) -> Int? {
        let specs = span
        for index in specs.indices where specs[index].name == name { return index }
        return nil
    }
}
