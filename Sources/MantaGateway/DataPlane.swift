package import MantaController
package import MantaServing
package import MantaSharedMemory

/// What every protocol works with: nothing about inference is written for one of them alone.
///
/// An object, since each request's handler takes it.
package final class DataPlane: Sendable {
    /// The models in service.
    package let catalog: ModelCatalog
    /// Runs inferences.
    package let inference: InferenceService
    /// Which models there are, and taking them into and out of service.
    package let repository: RepositoryService
    /// What was counted for each version.
    package let statistics: StatisticsService
    /// The memory that clients share; `nil` if they may not.
    package let memory: SharedMemory?
    /// What is traced.
    package let traces: TraceSettings
    /// What is logged.
    package let logs: LogSettings
    /// Manta's version.
    package let version: String
    private let controller: Controller

    /// Says who answers, in metadata.
    package static let name = "manta"

    /// A data plane over these models.
    ///
    /// - Parameters:
    ///   - catalog: The models in service.
    ///   - controller: What takes them into and out of service.
    ///   - memory: The memory that clients share; `nil` if they may not.
    ///   - traces: What is traced.
    ///   - logs: What is logged.
    ///   - allowsModelControl: Whether clients may load and unload models.
    ///   - version: Manta's version.
    package init(
        catalog: ModelCatalog, controller: Controller, memory: SharedMemory? = nil,
        traces: TraceSettings = TraceSettings(), logs: LogSettings = LogSettings(), allowsModelControl: Bool = false,
        version: String
    ) {
        self.catalog = catalog
        self.memory = memory
        self.traces = traces
        self.logs = logs
        (self.version, self.controller) = (version, controller)
        inference = InferenceService(catalog: catalog, memory: memory, traces: traces)
        repository = RepositoryService(catalog: catalog, controller: controller, allowsControl: allowsModelControl)
        statistics = StatisticsService(catalog: catalog)
    }

    /// The same over other models, that clients aren't told of and other nodes have batches run by.
    package func ofReplicas(_ catalog: ModelCatalog) -> DataPlane {
        DataPlane(catalog: catalog, controller: controller, version: version)
    }

    /// The extensions of the protocol that it has.
    package var extensions: [String] {
        [
            "binary_tensor_data", "classification", "sequence", "sequence(string_id)", "model_repository",
            "model_repository(unload_dependents)", "model_configuration", "schedule_policy", "generate",
        ] + (memory == nil ? [] : ["system_shared_memory"]) + ["statistics", "trace", "logging", "parameters"]
    }
}
