import MantaConfig
package import MantaCore
import MantaServing
package import MantaWire

extension DataPlane {
    /// The configuration that a model is served with, in the form that Triton's clients know.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - version: The version; `nil` for the highest that is ready.
    /// - Returns: What is in force.
    /// - Throws: ``ServingError`` if there is no such model or version, or it isn't loaded yet.
    package func configuration(model: String, version: Int?) throws(ServingError) -> Inference_ModelConfig {
        let deployment = try catalog.deployment(model)
        let signature = try deployment.target(version).signature
        let snapshot = deployment.snapshot
        let routes = snapshot.controller.routes
        let number = version ?? routes.defaultVersion ?? snapshot.controller.wanted.last?.version.number
        let served = number.flatMap { routes.versions[$0] }.flatMap { snapshot.instances[$0] }
        let wanted = snapshot.wanted.configuration
        // What serves may have been configured otherwise than what is to come.
        let configuration = served?.configuration ?? wanted
        let plan =
            if let plan = served?.plan { plan } else {
                try BatchPlan(
                    signature: signature, configured: configuration.batching.maxRows,
                    isShared: configuration.batching.isAcrossRequests)
            }
        var message = Inference_ModelConfig(configuration, signature: signature, plan: plan)
        message.platform = deployment.platform
        message.versionPolicy = .init(wanted.versions)
        message.defaultModelFilename = wanted.fileName ?? "model.onnx"
        var group = Inference_ModelInstanceGroup()
        group.name = model + "_0"
        group.kind = .cpu
        group.count = Int32(clamping: number.map(snapshot.controller.count) ?? 0)
        message.instanceGroup = [group]
        return message
    }
}
