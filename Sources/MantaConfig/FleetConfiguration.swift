/// How a process is part of a fleet.
public struct FleetConfiguration: Sendable {
    /// What a process does in a fleet.
    public enum Role: Sendable, Equatable {
        /// Takes requests of clients and hands them to whoever hosts replicas; one of the fronts leads.
        case front
        /// Hosts replicas.
        case worker
    }

    /// What a node has for replicas, and what it is.
    public struct Hosting: Sendable, Equatable {
        /// CPUs for replicas; `nil` for those that the process may use.
        public var cpus: Double?
        /// Memory for replicas, in bytes; `nil` if it doesn't limit.
        public var memory: Int?
        /// GPUs for replicas.
        public var gpus = 0.0
        /// Anything else, by name.
        public var resources: [String: Double] = [:]
        /// What operators say of it.
        public var labels: [String: String] = [:]
        /// How long its replicas have to be replaced elsewhere when it stops.
        public var drainTimeout = Duration.seconds(30)
        /// Whether a front started it, which ends its standard input when nobody needs it any more.
        public var isLocal = false

        /// The label of a worker that a front started: the front's id and the worker's number.
        public static let localLabel = "local-worker"

        /// One that has what the process may use.
        public init() {}
    }

    /// Where etcd's members answer.
    public var endpoints: [String]
    /// What its keys begin with in etcd.
    public var prefix = "manta/"
    /// The user in etcd, and the file with the password.
    public var user: (name: String, passwordFile: String)?
    /// The certificates to trust, for `https`.
    public var trustRoots: String?
    /// The certificate to show to etcd, and its key.
    public var certificate: (file: String, key: String)?
    /// The file with the token that nodes show each other.
    public var tokenFile: String?
    /// Where other nodes reach this one, `host:port`; `nil` for where it listens. Port 0 is that where it listens.
    public var advertised: String?
    /// What the process does.
    public var role = Role.front
    /// What it has for replicas; `nil` for a front that hosts none.
    public var hosting: Hosting?
    /// The workers that it starts and stops, where it is a front; `nil` for none.
    public var nodes: NodesConfiguration?

    /// A front of the fleet whose store is at these endpoints.
    public init(endpoints: [String]) {
        self.endpoints = endpoints
    }

    /// Where other nodes reach this one, which listens at this port; `nil` for where it listens.
    public func address(port: Int) -> String? {
        advertised.map { $0.hasSuffix(":0") ? String($0.dropLast()) + "\(port)" : $0 }
    }
}
