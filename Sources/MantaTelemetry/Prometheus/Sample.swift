/// One value read when the metrics are.
public struct Sample: Sendable {
    /// What Prometheus calls the kind of a metric.
    public enum Kind: String, Sendable {
        case gauge, counter
    }

    /// The metric's name.
    public var name: String
    /// Counter or gauge.
    public var kind: Kind
    /// The labels, in the order to write.
    public var labels: [(String, String)]
    /// The value now.
    public var value: Double

    /// A value of the metric of this name.
    public init(_ name: String, _ kind: Kind = .gauge, labels: [(String, String)] = [], value: Double) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.value = value
    }
}
