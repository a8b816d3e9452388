import MantaCore

/// Which dimensions of a model's inputs are filled up, and which of its outputs' are cut back.
///
/// All padded inputs of a request have one length, and so have its outputs along the dimensions that follow it.
struct PaddingPlan: Sendable {
    /// For each input of the signature the dimension that is padded.
    let dimensions: [Int?]
    /// For each output of the signature the dimensions that are as long as the padded inputs.
    let following: [[Int]]
    /// For each input of the signature the element that it is filled up with; empty where it isn't.
    private let elements: [[UInt8]]
    private let padding: TensorPort.Padding

    /// Puts together what the configuration says and what the model says; `nil` if nothing is padded.
    ///
    /// - Parameters:
    ///   - configuration: What is padded.
    ///   - signature: What clients see.
    ///   - plan: Whether requests share batches.
    /// - Throws: ``ServingError`` with code `modelUnavailable`, also where it can't be told whether an output has to be
    ///   cut.
    init?(
        _ configuration: DeploymentConfiguration, _ signature: ModelSignature, _ plan: BatchPlan
    ) throws(ServingError) {
        if let fault = configuration.paddingFault { throw .padding(fault.key, fault.message) }
        guard let first = configuration.inputs.first(where: { $0.padding != nil }), let padding = first.padding else {
            return nil
        }
        if let reason = plan.reason {
            throw .padding("inputs", "padding is for requests that share batches, but they run alone: \(reason)")
        }
        self.padding = padding
        let isBatched = (configuration.batching.maxRows ?? 0) > 0
        var (dimensions, elements): ([Int?], [[UInt8]]) = ([], [])
        for spec in signature.inputs {
            let port = configuration.inputs.first { $0.name == spec.name }
            let dimension = port?.padding?.dimension
            if let port, let padding = port.padding {
                let fault =
                    port.paddingFault(isBatched: isBatched) ?? padding.fault(in: spec.dataType)
                    ?? padding.fault(in: spec.shape.dimensions)
                if let fault { throw .padding("input \"\(spec.name)\"", "padding: \(fault)") }
            }
            dimensions.append(dimension)
            elements.append(port?.padding?.element(of: spec.dataType) ?? [])
        }
        (self.dimensions, self.elements) = (dimensions, elements)
        let symbol = try Self.symbol(dimensions, signature)
        following = try signature.outputs.map { spec throws(ServingError) in
            try Self.following(spec, configuration.outputs.first { $0.name == spec.name }, symbol: symbol)
        }
    }

    /// What the model calls the padded dimension, if it has a name.
    private static func symbol(_ dimensions: [Int?], _ signature: ModelSignature) throws(ServingError) -> String? {
        var named: (symbol: String, input: String)?
        for (spec, dimension) in zip(signature.inputs, dimensions) {
            guard let dimension, let symbol = spec.symbols[dimension] else { continue }
            if let named, named.symbol != symbol {
                throw .padding(
                    "inputs",
                    "padding: the padded inputs have one length, but the model calls that of \"\(named.input)\" "
                        + "\"\(named.symbol)\" and that of \"\(spec.name)\" \"\(symbol)\"")
            }
            named = (symbol, spec.name)
        }
        guard let named else { return nil }
        for (spec, padded) in zip(signature.inputs, dimensions) {
            for (dimension, symbol) in spec.symbols.enumerated().dropFirst()
            where symbol == named.symbol && dimension != padded && spec.shape.dimensions[dimension] == -1 {
                throw .padding(
                    "input \"\(spec.name)\"",
                    "dimension \(dimension) is \"\(named.symbol)\" as that of \"\(named.input)\" is: expected it padded too"
                )
            }
        }
        return named.symbol
    }

    /// The dimensions of an output that are as long as the padded one.
    private static func following(
        _ spec: TensorSpec, _ port: TensorPort?, symbol: String?
    ) throws(ServingError) -> [Int] {
        let sizes = spec.shape.dimensions
        if let given = port?.paddedDimensions {
            guard let wrong = given.first(where: { !sizes.indices.contains($0) || sizes[$0] != -1 }) else {
                return given
            }
            throw .padding(
                "output \"\(spec.name)\"",
                "padded_dimensions: expected free sizes of \(spec.shape), the batch being 0, got \(wrong)")
        }
        let free = sizes.indices.dropFirst().filter { sizes[$0] == -1 }
        // A shape of the configuration's own doesn't have the places of the model's names.
        let symbols = port?.reshape == nil ? spec.symbols : []
        let following = free.filter { symbol != nil && $0 < symbols.count && symbols[$0] == symbol }
        // Exporters name an output's dimension as they like: another name says nothing.
        guard following.count == free.count else {
            let unknown = free.first { !following.contains($0) } ?? 0
            throw .padding(
                "output \"\(spec.name)\"",
                "it isn't known whether dimension \(unknown) of \(spec.shape) is as long as the padded inputs: say it "
                    + "with \"padded_dimensions\" under \"outputs\", [] for none")
        }
        return following
    }
}

extension PaddingPlan {
    /// The length of a request; `nil` if it leaves out all inputs that are padded.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest` if its inputs have several.
    func length(of inputs: [Tensor?], _ signature: ModelSignature) throws(ServingError) -> Int? {
        var length: Int?
        for (index, dimension) in dimensions.enumerated() {
            guard let dimension, let tensor = inputs[index] else { continue }
            let found = tensor.shape.dimensions[dimension]
            if let length, found != length {
                throw ServingError(
                    .invalidRequest,
                    "input \"\(signature.inputs[index].name)\": expected the size \(length) in dimension \(dimension), "
                        + "as long as the other inputs, got shape \(tensor.shape)")
            }
            length = found
        }
        return length
    }

    /// The size up to which a request of this length shares batches.
    func bucket(holding length: Int) -> Int { padding.bucket(holding: length) }

    /// Two lengths for which a model should have the outputs that are expected.
    var sampleLengths: [Int] { [padding.buckets[0], padding.buckets.dropFirst().first ?? padding.buckets[0] + 1] }

    /// Puts the values of one input together, all as long as the longest.
    func joiningRows(_ parts: [Tensor], input: Int, length: Int) -> Tensor {
        guard let dimension = dimensions[input] else { return .joiningRows(parts) }
        return .joiningRows(parts, filling: dimension, to: length, with: elements[input])
    }

    /// Why an output for inputs of this length can't be cut back; `nil` if it can.
    func fault(in output: Tensor, of index: Int, length: Int) -> String? {
        let sizes = output.shape.dimensions
        guard let wrong = following[index].first(where: { $0 >= sizes.count || sizes[$0] != length }) else {
            return nil
        }
        return "it has shape \(output.shape) for inputs of length \(length): expected that length in dimension \(wrong)"
    }
}

extension ServingError {
    /// The error of a model that can't be padded as its configuration says.
    static func padding(_ subject: String, _ message: String) -> ServingError {
        ServingError(.modelUnavailable, "\(subject): \(message)")
    }
}
