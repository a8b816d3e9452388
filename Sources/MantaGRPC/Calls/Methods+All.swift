import MantaConfig
import MantaGateway

extension Methods {
    /// Everything that a listener serves.
    init(serving plane: DataPlane, limits: GRPCLimits) {
        ModelMethods(plane: plane).add(to: &self)
        InferenceMethods(plane: plane, requestsPerStream: limits.requestsPerStream).add(to: &self)
        RepositoryMethods(repository: plane.repository).add(to: &self)
        MemoryMethods(memory: plane.memory).add(to: &self)
        SettingMethods(plane: plane).add(to: &self)
        HealthMethods(catalog: plane.catalog).add(to: &self)
        ReflectionMethods().add(to: &self)
    }
}
