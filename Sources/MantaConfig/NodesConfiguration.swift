/// Workers that a front starts and stops.
public struct NodesConfiguration: Sendable, Equatable {
    /// Where they come from.
    public enum Provider: Sendable, Equatable {
        /// They are processes of the front's machine.
        case local(Local)
        /// They are pods of a StatefulSet.
        case kubernetes(Kubernetes)
    }

    /// How a worker of this machine is started.
    public struct Local: Sendable, Equatable {
        /// The program.
        public var program = ""
        /// Its arguments, but for those that tell one worker from another.
        public var arguments: [String] = []

        /// Not known yet.
        public init() {}
    }

    /// A StatefulSet, and how its API server is reached.
    public struct Kubernetes: Sendable, Equatable {
        /// The StatefulSet's name.
        public var statefulSet: String
        /// Its namespace; `nil` for that of the front's pod.
        public var namespace: String?
        /// The folder with the service account's `token`, `ca.crt` and `namespace`.
        public var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"
        /// Where the API server answers, `https://host:port`; `nil` if it isn't known, outside a pod.
        public var server: String?

        /// A StatefulSet of this name.
        public init(statefulSet: String) {
            self.statefulSet = statefulSet
        }
    }

    /// Where they come from.
    public var provider: Provider
    /// How many there may be.
    public var count: ClosedRange<Int>
    /// How long one has had nothing to do when it is ended.
    public var idleTime: Duration
    /// CPUs of one for replicas; `nil` for its part of the machine, which only local ones have.
    public var cpus: Double?
    /// Memory of one for replicas, in bytes; `nil` if it doesn't limit.
    public var memory: Int?
    /// GPUs of one for replicas.
    public var gpus = 0.0

    /// So many processes of this machine. They are started in a second: one that is idle isn't kept for long.
    public static func local(_ count: ClosedRange<Int>) -> NodesConfiguration {
        NodesConfiguration(provider: .local(Local()), count: count, idleTime: .seconds(60))
    }

    /// So many pods of a StatefulSet. They may need a machine first: one that is idle is kept for a while.
    public static func kubernetes(_ kubernetes: Kubernetes, _ count: ClosedRange<Int>) -> NodesConfiguration {
        NodesConfiguration(provider: .kubernetes(kubernetes), count: count, idleTime: .seconds(300))
    }

    private init(provider: Provider, count: ClosedRange<Int>, idleTime: Duration) {
        (self.provider, self.count, self.idleTime) = (provider, count, idleTime)
    }
}
