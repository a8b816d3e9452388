/// The files of one version: its number and what it holds.
public struct VersionSpec: Sendable, Hashable {
    /// Its number, at least 1.
    public var number: Int
    /// The model file; empty if other servers have it.
    public var path: String
    /// What its files are: another file under the same number is another version.
    public var hash: VersionHash

    /// A version that other servers have, wherever those are.
    ///
    /// - Parameters:
    ///   - number: Its number.
    ///   - group: Tells it from another version of the same number.
    /// - Returns: The version.
    public static func remote(number: Int, group: String = "remote") -> VersionSpec {
        var spec = VersionSpec(number: number, path: "", hash: group)
        spec.isRemote = true
        return spec
    }

    /// Whether other servers have it.
    public var isRemote = false

    /// The version of this number.
    public init(number: Int, path: String, hash: VersionHash) {
        self.number = number
        self.path = path
        self.hash = hash
    }

    /// The version of this number, whose files are known by a text.
    public init(number: Int, path: String, hash: String) {
        self.init(number: number, path: path, hash: VersionHash(hash))
    }
}

/// What makes two instances of a model the same: the version's files, and those settings that a running instance can't
/// change.
public struct InstanceSpec: Sendable, Hashable {
    /// The files.
    public let version: VersionSpec
    /// How it is served, without what can change while it serves: counts, scaling, the choice of versions, the rollout,
    /// what replicas need of their nodes.
    public let configuration: DeploymentConfiguration

    /// An instance of this version.
    public init(_ version: VersionSpec, configuration: DeploymentConfiguration) {
        self.version = version
        var fixed = DeploymentConfiguration(name: configuration.name)
        fixed.engine = configuration.engine
        fixed.batching = configuration.batching
        fixed.objective = configuration.objective
        fixed.queue = configuration.queue
        fixed.responseCache = configuration.responseCache
        fixed.inputs = configuration.inputs
        fixed.outputs = configuration.outputs
        fixed.warmupRows = configuration.warmupRows
        fixed.warmupSamples = configuration.warmupSamples
        fixed.options = configuration.options
        fixed.isIdempotent = configuration.isIdempotent
        fixed.hedge = configuration.hedge
        self.configuration = fixed
    }
}
