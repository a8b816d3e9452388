public import MantaCore

/// Whether requests to a model may share a batch, and how large it may be.
public struct BatchPlan: Sendable, Hashable {
    /// The most rows of a batch; 0 if requests always run alone.
    public var maxRows: Int
    /// Whether several requests may share a batch. If not, each is a batch of its own, of all its rows.
    public var isShared = true
    /// Why requests run alone, for people; `nil` if they may share a batch.
    public var reason: String?

    /// Rows of a batch if nobody says otherwise. Few models gain from more on a CPU.
    public static let defaultMaxRows = 64

    /// The most batches that one request may be cut into.
    public static let maxParts = 1024

    /// Decides from the signature, unless the configuration does.
    ///
    /// - Parameters:
    ///   - signature: The model's.
    ///   - configured: `max_batch_size`, if given. 0 never batches; more trusts the author where names of dimensions
    ///     differ, but not against fixed dimensions.
    ///   - isShared: Whether several requests may share a batch.
    /// - Throws: ``ServingError`` with code `modelUnavailable` if a batch is asked for that the signature rules out.
    public init(signature: ModelSignature, configured: Int?, isShared: Bool = true) throws(ServingError) {
        if configured == 0 {
            self = .never("max_batch_size is 0")
            return
        }
        let obstacle = Self.obstacle(in: signature, trustingNames: configured != nil)
        if let obstacle, let configured {
            throw ServingError(
                .modelUnavailable, "batching.max_batch_size is \(configured), but \(obstacle); set it to 0")
        }
        self = obstacle.map(Self.never) ?? BatchPlan(maxRows: configured ?? Self.defaultMaxRows, reason: nil)
        guard !isShared, maxRows > 0 else { return }
        self.isShared = false
        reason = "batching.across_requests is false"
    }

    private init(maxRows: Int, reason: String?) {
        (self.maxRows, self.reason) = (maxRows, reason)
    }

    /// A plan for requests that always run alone.
    static func never(_ reason: String) -> BatchPlan {
        BatchPlan(maxRows: 0, reason: reason)
    }

    private static func obstacle(in signature: ModelSignature, trustingNames: Bool) -> String? {
        if signature.inputs.isEmpty { return "the model has no inputs" }
        for (kind, specs) in [("input", signature.inputs), ("output", signature.outputs)] {
            if let spec = specs.first(where: \.hasAnyShape) { return "\(kind) \"\(spec.name)\" may have any shape" }
            for spec in specs where spec.shape.dimensions.first != -1 {
                return "the first dimension of \(kind) \"\(spec.name)\" \(spec.shape) isn't free"
            }
        }
        // Outputs are left out: exporters rarely name their dimensions as those of the inputs.
        let names = Set(signature.inputs.compactMap { $0.symbols.first ?? nil })
        if !trustingNames, names.count > 1 {
            let list = names.sorted().map { "\"\($0)\"" }.joined(separator: " and ")
            return "the first dimensions of its inputs have different names (\(list))"
        }
        return nil
    }
}
