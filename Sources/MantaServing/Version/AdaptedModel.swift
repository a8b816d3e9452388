import MantaCore

/// A model as a configuration lets clients see it: with other shapes, fewer outputs, another order, labels.
final class AdaptedModel: LoadedModel {
    /// One input or output, and where it is in the model.
    private struct Port: Sendable {
        let index: Int
        let form: TensorForm?
    }

    let signature: ModelSignature
    private let model: any LoadedModel
    private let inputs: [Port]
    private let outputs: [Port]
    private let inputCount: Int

    /// Puts what the configuration says and what the model says together.
    ///
    /// - Throws: ``ServingError`` with code `modelUnavailable` where they contradict each other.
    init(_ model: any LoadedModel, _ configuration: DeploymentConfiguration) throws(ServingError) {
        let isBatched = (configuration.batching.maxRows ?? 0) > 0
        let found = model.signature
        let inputs = try Self.adapt(configuration.inputs, found.inputs, kind: "input", isBatched: isBatched)
        let outputs = try Self.adapt(configuration.outputs, found.outputs, kind: "output", isBatched: isBatched)
        for (index, spec) in found.inputs.enumerated()
        where !spec.isOptional && !inputs.contains(where: { $0.port.index == index }) {
            throw ServingError(
                .modelUnavailable,
                "the configuration has no input \"\(spec.name)\", which the model needs: \(spec.dataType.rawValue) "
                    + "\(spec.shape)")
        }
        self.model = model
        self.inputs = inputs.map(\.port)
        self.outputs = outputs.map(\.port)
        inputCount = found.inputs.count
        signature = ModelSignature(inputs: inputs.map(\.spec), outputs: outputs.map(\.spec))
    }

    func run(_ given: [Tensor?], outputs wanted: [Int]) throws(ServingError) -> [Tensor] {
        var bound = [Tensor?](repeating: nil, count: inputCount)
        for (port, tensor) in zip(inputs, given) {
            bound[port.index] = tensor.map { port.form?.inner($0) ?? $0 }
        }
        let results = try model.run(bound, outputs: wanted.map { outputs[$0].index })
        return try zip(wanted, results).map { index, tensor throws(ServingError) in
            guard let form = outputs[index].form else { return tensor }
            guard let outer = form.outer(tensor) else {
                throw ServingError(
                    .engineFailed,
                    "output \"\(signature.outputs[index].name)\" has shape \(tensor.shape), which the configuration "
                        + "doesn't allow for: it says \(form.description)")
            }
            return outer
        }
    }

    var keepsMemory: Bool { model.keepsMemory }

    func giveBackMemory() { model.giveBackMemory() }

    private static func adapt(
        _ ports: [TensorPort], _ specs: [TensorSpec], kind: String, isBatched: Bool
    ) throws(ServingError) -> [(port: Port, spec: TensorSpec)] {
        guard !ports.isEmpty else { return specs.indices.map { (Port(index: $0, form: nil), specs[$0]) } }
        return try ports.map { port throws(ServingError) in
            guard let index = specs.firstIndex(where: { $0.name == port.name }) else {
                let names = specs.map { "\"\($0.name)\"" }.joined(separator: ", ")
                throw ServingError(
                    .modelUnavailable, "the configuration has the \(kind) \"\(port.name)\", the model only \(names)")
            }
            let form = try TensorForm(port, specs[index], subject: "\(kind) \"\(port.name)\"", isBatched: isBatched)
            var spec = specs[index]
            spec.shape = form?.shape ?? spec.shape
            if spec.symbols.count != spec.shape.rank {
                spec.symbols = spec.shape.dimensions.map { _ in nil }
            }
            spec.labels = port.labels?.names ?? []
            return (Port(index: index, form: form), spec)
        }
    }
}

extension ModelSignature {
    /// The same with what classes are called by a configuration. Servers don't say that of their models.
    func labelled(by ports: [TensorPort]) -> ModelSignature {
        var outputs = outputs
        for port in ports {
            guard let names = port.labels?.names, let index = outputs.firstIndex(where: { $0.name == port.name })
            else { continue }
            outputs[index].labels = names
        }
        return ModelSignature(inputs: inputs, outputs: outputs)
    }
}

extension DeploymentConfiguration {
    /// Whether clients see something else than the model's own signature.
    var changesSignature: Bool { !inputs.isEmpty || !outputs.isEmpty }
}
