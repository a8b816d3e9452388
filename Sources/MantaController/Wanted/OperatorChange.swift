import FoundationEssentials

/// What operators have asked for one deployment, beyond what its files say. Kept in the store.
package struct OperatorChange: Codable, Sendable, Hashable {
    /// How many replicas there should be.
    package enum Scale: Sendable, Hashable {
        /// So many, whatever the load.
        case pinned(Int)
        /// Between these; `nil` as configured.
        case automatic(min: Int?, max: Int?)
    }

    /// A configuration in place of the file's, in the form of `model.yaml`.
    package var configuration: String?
    /// A configuration that a client had the model loaded with, in place of all others.
    package var loaded: String?
    /// A count in place of the configuration's.
    package var scale: Scale?
    /// Whether it was taken out of service although its files are there.
    package var isUnloaded = false

    /// Nothing: everything is as the files say.
    package init() {}

    /// The configuration that counts in place of the file's.
    package var given: String? { loaded ?? configuration }

    /// Whether everything is as the files say.
    var isEmpty: Bool { self == OperatorChange() }

    private enum CodingKeys: String, CodingKey {
        case configuration, loaded, scale
        case isUnloaded = "unloaded"
    }
}

extension OperatorChange.Scale: Codable {
    private enum CodingKeys: String, CodingKey {
        case replicas, min, max
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let count = try values.decodeIfPresent(Int.self, forKey: .replicas) {
            self = .pinned(count)
        } else {
            self = .automatic(
                min: try values.decodeIfPresent(Int.self, forKey: .min),
                max: try values.decodeIfPresent(Int.self, forKey: .max))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .pinned(let count):
            try values.encode(count, forKey: .replicas)
        case .automatic(let min, let max):
            try values.encodeIfPresent(min, forKey: .min)
            try values.encodeIfPresent(max, forKey: .max)
        }
    }
}
