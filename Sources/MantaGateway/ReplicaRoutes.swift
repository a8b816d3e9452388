package import MantaHTTP
package import MantaServing

/// A front's own replicas, which other nodes of its fleet have run batches: what a worker answers. Clients are told nothing
/// of them.
package struct ReplicaRoutes: Sendable {
    private let plane: DataPlane
    private let replicas: ModelCatalog
    private let tokens: TokenSet?

    /// Routes to a front's replicas.
    ///
    /// - Parameters:
    ///   - plane: What clients reach. A model of theirs counts before a replica's that has the same name.
    ///   - replicas: The replicas.
    ///   - tokens: What other nodes show; `nil` if whoever reaches this node is one.
    package init(_ plane: DataPlane, replicas: ModelCatalog, tokens: TokenSet?) {
        (self.plane, self.replicas, self.tokens) = (plane, replicas, tokens)
    }

    /// Adds the routes, beside those of the clients.
    package func register(in routes: inout Routes) {
        var own = Routes()
        InferenceRoutes(plane.ofReplicas(replicas)).registerModels(in: &own, for: tokens)
        routes.prefer(own) { [replicas, catalog = plane.catalog] path in
            guard let name = path["model"] else { return false }
            return replicas.has(name) && !catalog.has(name)
        }
    }
}
