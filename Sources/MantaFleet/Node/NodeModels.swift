package import MantaCore
import MantaHTTP
package import MantaServing
import Synchronization

/// The models that a front has batches run by: those of its own replicas, in this process, and those of other nodes.
///
/// An address of this node leads to its own replicas without a connection. They take a batch as they take it from any other
/// front, and answer as over one: a replica that isn't there any more refuses.
package final class NodeModels: RemoteModels {
    private let hosted: ModelCatalog
    private let others: any RemoteModels
    /// This node's address; `nil` as long as it isn't known.
    private let server = Mutex<String?>(nil)

    /// Those of a node.
    ///
    /// - Parameters:
    ///   - hosted: Its own.
    ///   - others: Reaches those of others.
    package init(hosted: ModelCatalog, others: any RemoteModels) {
        (self.hosted, self.others) = (hosted, others)
    }

    /// The node is reached at this address, `http://host:port`, from now on.
    package func listens(at server: String) { self.server.withLock { $0 = server } }

    package func isHere(_ address: RemoteAddress) -> Bool { server.withLock { $0 == address.server } }

    package func describe(
        _ address: RemoteAddress, within limit: Duration
    ) async throws(RemoteFailure) -> RemoteDescription {
        guard isHere(address) else { return try await others.describe(address, within: limit) }
        do throws(ServingError) {
            let (deployment, target) = try self.target(of: address)
            let snapshot = deployment.snapshot
            guard let number = target.version, let id = snapshot.controller.routes.versions[number],
                let plan = snapshot.instances[id]?.plan
            else { throw ServingError(.modelUnavailable, "\(deployment.name) is being loaded") }
            return RemoteDescription(
                signature: target.signature.asTold, maxRows: plan.maxRows,
                replicas: snapshot.controller.count(of: number))
        } catch {
            throw RemoteFailure(error, at: address)
        }
    }

    package func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        guard isHere(address) else { return try await others.run(batch, at: address) }
        do throws(ServingError) {
            let (deployment, target) = try self.target(of: address)
            let schedule = InferenceSchedule(timeout: batch.timeout)
            return try await deployment.infer(InferenceRequest(batch), schedule: schedule, at: target).outputs
                .map(\.tensor)
        } catch {
            throw RemoteFailure(error, at: address)
        }
    }

    package func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {
        // Whoever asks lives.
        if !isHere(address) { try await others.look(at: address, within: limit) }
    }

    private func target(of address: RemoteAddress) throws(ServingError) -> (deployment: Deployment, target: Target) {
        let parts = address.path.split(separator: "/")
        guard parts.count > 2, let name = PercentEncoding.decode(parts[2]) else {
            throw ServingError(.notFound, "it has no such model")
        }
        let deployment = try hosted.deployment(name)
        return (deployment, try deployment.target(address.version))
    }
}

extension InferenceRequest {
    fileprivate init(_ batch: RemoteBatch) {
        self.init(
            inputs: zip(batch.signature.inputs, batch.inputs).compactMap { spec, tensor in
                tensor.map { NamedTensor(spec.name, $0) }
            },
            outputs: batch.outputs.map { RequestedOutput(batch.signature.outputs[$0].name) })
    }
}

extension ModelSignature {
    /// What of it another node is told, so that replicas are alike wherever they are.
    fileprivate var asTold: ModelSignature {
        func told(_ spec: TensorSpec) -> TensorSpec {
            TensorSpec(spec.name, spec.dataType, spec.shape, isOptional: spec.isOptional)
        }
        return ModelSignature(inputs: inputs.map(told), outputs: outputs.map(told))
    }
}

extension RemoteFailure {
    /// What the error would say of a node that is asked over HTTP.
    fileprivate init(_ error: ServingError, at address: RemoteAddress) {
        let kind: Kind =
            switch error.code {
            case .modelUnavailable, .shuttingDown, .notFound, .forbidden: .refused
            case .overloaded, .deadlineExceeded: .answered(error.code)
            case .invalidRequest, .alreadyExists, .cancelled: .answered(.invalidRequest)
            default: .answered(.engineFailed)
            }
        self.init(kind, "\(address): \(error.message)")
    }
}
