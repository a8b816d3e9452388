/// How many replicas a deployment is to have.
package enum ScaleOrder: Sendable, Hashable {
    /// So many, until told otherwise; 0 puts the model to sleep.
    case pinned(Int)
    /// As many as needed between these.
    case between(min: Int, max: Int)
    /// As many as needed, between what the configuration says.
    case automatic
    /// What the configuration says; what was ordered before is taken back.
    case asConfigured

    var json: String {
        switch self {
        case .pinned(let replicas): "{\"replicas\": \(replicas)}"
        case .between(let min, let max): "{\"min\": \(min), \"max\": \(max)}"
        case .automatic: "{\"autoscale\": true}"
        case .asConfigured: "{\"autoscale\": false}"
        }
    }
}
