import MantaConfig
import MantaGateway
import MantaWire

extension Methods {
    /// Everything that a listener serves.
    init(serving plane: DataPlane, core: CallCore, limits: GRPCLimits) {
        self.init(core: core)
        ModelMethods(plane: plane).add(to: &self)
        InferenceMethods(plane: plane, requestsPerStream: limits.requestsPerStream).add(to: &self)
        RepositoryMethods(repository: plane.repository).add(to: &self)
        MemoryMethods(memory: plane.memory).add(to: &self)
        SettingMethods(plane: plane).add(to: &self)
        HealthMethods(catalog: plane.catalog).add(to: &self)
        ReflectionMethods().add(to: &self)
    }
}

/// The methods of the protocol, for short.
typealias Protocol = Inference_GRPCInferenceService.Method
