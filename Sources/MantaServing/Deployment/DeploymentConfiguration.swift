public import MantaAutoscaler
public import MantaCore
package import MantaRuntime

/// How one model is served. Each value has a default that suits most models.
public struct DeploymentConfiguration: Sendable, Hashable {
    /// The model's name in requests.
    public var name: String
    /// Where its model is, a file or a folder of versions, if not beside its `model.yaml`.
    public var path: String?
    /// Where other servers serve it. Empty: this node loads it.
    public var remote: [RemoteAddress] = []
    /// Whether it does no harm to run a request twice, so that one that a server may have run and hasn't answered is
    /// given to another.
    public var isIdempotent = true
    /// When a batch that another server is slow to answer is sent to a second one. `nil`: never, since it costs work that is
    /// thrown away. Not of a model that isn't idempotent.
    public var hedge: Hedge?
    /// The name of the model file in a version's folder. `nil`: the engine's usual one.
    public var fileName: String?
    /// Which engine evaluates it.
    public var engine = "onnxruntime"
    /// The inputs that clients see. Empty: those of the model, as they are.
    public var inputs: [TensorPort] = []
    /// The outputs that clients see. Empty: those of the model, as they are.
    public var outputs: [TensorPort] = []
    /// How requests are put together.
    public var batching = Batching()
    /// The 99th percentile of latency to keep, if there is one.
    public var objective: Duration?
    /// What may wait, and how long.
    public var queue = Queue()
    /// How answers are kept for requests that are asked again. `nil`: not at all, since only the model's author knows
    /// whether it answers alike each time.
    public var responseCache: ResponseCache?
    /// Replicas of each version, at least 1. `nil`: as many as there are CPUs for this process. They share the weights,
    /// so one more costs little but its thread, and lanes of one thread give the most rows per second.
    public var replicas: Int?
    /// How the number of replicas follows the load, instead of a fixed one.
    public var autoscaling: AutoscalingConfiguration?
    /// Whether the number of replicas and the threads of each are found by trying, while requests are served.
    public var isTuned = false
    /// Which versions of those in the folder are served.
    public var versions = Versions.latest(1)
    /// Row counts to run once before a version is ready, so that no client pays for first-time work.
    public var warmupRows = [1]
    /// Inputs to run before a version is ready, beside those that are made up.
    public var warmupSamples: [WarmupSample] = []
    /// How the engine runs it.
    public var options = EngineOptions()
    /// How a new version takes over from the one in service.
    public var rollout = Rollout()
    /// What each replica needs of the node of a fleet that hosts it. Nothing, since how much a model takes is known to
    /// those who measured it.
    package var resources = Resources()
    /// Which nodes of a fleet may host its replicas.
    public var placement = Placement()

    /// The defaults for a model of this name.
    public init(name: String) {
        self.name = name
    }

    /// How requests are put together.
    public struct Batching: Sendable, Hashable {
        /// Rows that a batch may have. 0 never batches. `nil`: 64 if the model's signature allows batches, else 0.
        public var maxRows: Int?
        /// How long an idle replica waits for a fuller batch. Zero is best unless traffic is thin and bursts.
        public var maxDelay = Duration.zero
        /// Rows that a batch should have: one of these sizes runs at once, anything else waits for ``maxDelay``. Empty:
        /// the more the better.
        public var preferredRows: [Int] = []
        /// Whether requests may share a batch. If not, each runs alone, whatever its rows.
        public var isAcrossRequests = true
        /// Whether replies leave in the order in which the requests came.
        public var keepsOrder = false

        /// The defaults.
        public init() {}
    }

    /// How a new version takes over from the one in service.
    public struct Rollout: Sendable, Hashable {
        /// Live requests whose copies the new version must answer before it gets requests. 0: it isn't tried.
        public var trialRequests = 20
        /// How long to wait for those requests. Where few come, a second is little to a person who waits for the update.
        public var trialTime = Duration.seconds(1)
        /// How long the old version stays in memory to answer what the new one fails. Long enough for a first wave of
        /// requests, short enough not to hold two models for long.
        public var settleTime = Duration.seconds(5)
        /// How long requests that wait for a version may go on waiting once it is retired. As long as the server's own
        /// stop gives them.
        public var drainTimeout = Duration.seconds(30)
        /// Whether a new version may take or give other tensors than the one in service.
        public var allowsSignatureChange = false
    }

    /// Which nodes of a fleet may host its replicas.
    public struct Placement: Sendable, Hashable {
        /// Labels that a node must have.
        public var labels: [String: String] = [:]
        /// Labels that a node should have: one that has more of them comes first.
        public var preferredLabels: [String: String] = [:]
    }

    /// Which versions of those in the folder are served.
    public enum Versions: Sendable, Hashable {
        /// The highest so many.
        case latest(Int)
        case all
        /// These, if they are there.
        case only([Int])

        /// The versions to serve of those available, ascending.
        public func select(from available: [Int]) -> [Int] {
            switch self {
            case .latest(let count): Array(available.sorted().suffix(count))
            case .all: available.sorted()
            case .only(let wanted): available.filter(wanted.contains).sorted()
            }
        }
    }
}
