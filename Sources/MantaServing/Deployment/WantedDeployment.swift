public import MantaAutoscaler
public import MantaCore

/// What a deployment should be.
public struct WantedDeployment: Sendable, Hashable {
    /// Where a configuration came from.
    public struct Source: Sendable, Hashable {
        /// The kinds of source, the weightier last.
        public enum Kind: String, Sendable {
            case defaults, file, admin, client
        }

        /// The kind.
        public var kind: Kind
        /// The file that was read.
        public var file: String?
        /// The file that doesn't count because of it.
        public var overrides: String?

        /// A source.
        public init(_ kind: Kind, file: String? = nil, overrides: String? = nil) {
            (self.kind, self.file, self.overrides) = (kind, file, overrides)
        }
    }

    /// Where a version is that other servers have.
    public struct Places: Sendable, Hashable {
        /// The addresses of its replicas.
        public var addresses: [RemoteAddress]
        /// How many replicas an address has, where that is known better than by asking.
        public var replicas: [RemoteAddress: Int] = [:]
        /// Why there are none, or fewer than there should be.
        public var obstacle: String?

        /// These places.
        public init(_ addresses: [RemoteAddress], obstacle: String? = nil) {
            (self.addresses, self.obstacle) = (addresses, obstacle)
        }
    }

    /// How many replicas each version should have.
    public enum Scale: Sendable, Hashable {
        /// So many, whatever the load.
        case pinned(Int)
        /// As the load needs.
        case automatic(AutoscalingConfiguration)
        /// So many, with so many threads each, as prove best by trying.
        case tuned
        /// So many elsewhere, which whoever leads the fleet decides by the load of all its fronts. With none, a request
        /// that comes waits until there is one.
        case followed(AutoscalingConfiguration, count: Int)

        /// Whether a request for a version without a replica waits for one.
        var wakesUp: Bool {
            switch self {
            case .automatic, .followed: true
            case .pinned, .tuned: false
            }
        }

        /// How often the load is to be measured; `nil` if it makes no difference.
        var metricsInterval: Duration? {
            switch self {
            case .pinned, .followed: nil
            case .automatic(let configuration): configuration.metricsInterval
            case .tuned: .milliseconds(100)
            }
        }
    }

    /// How it is served.
    public var configuration: DeploymentConfiguration
    /// Where that came from.
    public var source: Source
    /// The versions to serve.
    public var versions: [VersionSpec]
    /// Where the versions are that other servers have.
    public var places: [VersionSpec: Places] = [:]
    /// How many replicas each of those is to have there.
    public var replicasElsewhere: Int?
    /// The versions that stand in if none of them can serve and nothing else does, the best first.
    public var fallbacks: [VersionSpec] = []
    /// How many replicas each version should have.
    public var scale: Scale
    /// The last change of their number, where others decide it; when that was isn't known.
    public var lastDecision: Decision?
    /// Whether an operator said so, not the configuration.
    public var isScaledByHand = false
    /// What is wrong, if there is no version to serve.
    public var fault: String?
    /// What isn't as it should be but keeps nothing from working.
    public var warnings: [String] = []

    /// A deployment of these versions.
    public init(
        configuration: DeploymentConfiguration, source: Source = Source(.defaults), versions: [VersionSpec],
        scale: Scale
    ) {
        self.configuration = configuration
        self.source = source
        self.versions = versions
        self.scale = scale
    }

    /// The model's name in requests.
    public var name: String { configuration.name }

    /// The instances wanted, and those that may stand in.
    var instances: (wanted: [InstanceSpec], fallbacks: [InstanceSpec]) {
        (
            versions.map { InstanceSpec($0, configuration: configuration) },
            fallbacks.map { InstanceSpec($0, configuration: configuration) }
        )
    }
}
