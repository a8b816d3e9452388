package import MantaCore
import MantaServing
import MantaTelemetry
import MantaTime

/// What was counted for each version, as the protocol's statistics extension tells it.
package struct StatisticsService: Sendable {
    private let catalog: ModelCatalog
    private let time: any TimeSource

    init(catalog: ModelCatalog, time: any TimeSource = MachineTime()) {
        self.catalog = catalog
        self.time = time
    }

    /// The statistics of one version, of all versions of a model, or of all models.
    ///
    /// - Parameters:
    ///   - model: The model; `nil` for all.
    ///   - version: The version; `nil` for all.
    /// - Returns: A document for each version, whose keys are those of the message `inference.ModelStatistics`.
    /// - Throws: ``ServingError`` if there is no such model or version.
    package func documents(model: String?, version: Int?) throws(ServingError) -> [StatisticsDocument] {
        let deployments = if let model { [try catalog.deployment(model)] } else { catalog.all }
        var documents: [StatisticsDocument] = []
        for deployment in deployments {
            for (number, statistics) in try deployment.statistics(version) {
                let last = statistics.lastExecution.map(milliseconds)
                documents.append(
                    StatisticsDocument(ModelID(name: deployment.name, version: number), statistics, last: last ?? 0))
            }
        }
        return documents
    }

    /// Since the beginning of 1970, by the machine's time of day of now.
    private func milliseconds(_ instant: Instant) -> Int64 {
        Timestamp.now().milliseconds - Int64((time.now - instant).milliseconds)
    }
}
