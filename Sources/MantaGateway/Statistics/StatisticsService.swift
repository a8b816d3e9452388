package import MantaCore
import MantaServing

/// What was counted for each version, as the protocol's statistics extension tells it.
package struct StatisticsService: Sendable {
    private let catalog: ModelCatalog

    init(catalog: ModelCatalog) {
        self.catalog = catalog
    }

    /// The statistics of one version, of all versions of a model, or of all models.
    ///
    /// - Parameters:
    ///   - model: The model; `nil` for all.
    ///   - version: The version; `nil` for all.
    /// - Returns: A document for each version, whose keys are those of the message `inference.ModelStatistics`.
    /// - Throws: ``ServingError`` if there is no such model or version.
    package func documents(model: String?, version: Int?) throws(ServingError) -> [StatisticsDocument] {
        []
    }
}

/// The statistics of one version.
package struct StatisticsDocument: Encodable, Sendable {
}
