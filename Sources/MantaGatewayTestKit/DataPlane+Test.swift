import Logging
import MantaController
package import MantaGateway
package import MantaServing
package import MantaSharedMemory
import MantaStore
import MantaTelemetry

extension DataPlane {
    /// A data plane for tests, over these models and an empty repository.
    ///
    /// - Parameters:
    ///   - catalog: The models.
    ///   - memory: The memory that clients share.
    ///   - allowsModelControl: Whether clients may load and unload models, and change settings.
    ///   - traces: What is traced.
    /// - Returns: The data plane.
    /// - Throws: What the store throws.
    package static func test(
        over catalog: ModelCatalog, memory: SharedMemory? = nil, allowsModelControl: Bool = false,
        traces: TraceSettings? = nil
    ) async throws -> DataPlane {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let controller = Controller(
            configuration: .init(), store: try await EmbeddedStore.open(path: nil), catalog: catalog,
            events: EventLog(logger: logger))
        return DataPlane(
            catalog: catalog, controller: controller, memory: memory,
            traces: traces ?? TraceSettings(catalog: catalog, allowsClients: allowsModelControl),
            logs: LogSettings(allowsClients: allowsModelControl), allowsModelControl: allowsModelControl,
            version: "9.9")
    }
}
