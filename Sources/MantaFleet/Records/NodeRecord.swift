package import MantaRuntime

/// What a node says of itself in the store, for as long as its lease lives.
package struct NodeRecord: Codable, Sendable, Equatable {
    /// What a process is there for.
    package enum Kind: String, Codable, Sendable {
        /// Takes requests of clients, and may lead. Hosts replicas if it has CPUs for them.
        case front
        /// Hosts replicas.
        case worker
    }

    /// What it has for replicas.
    package struct Capacity: Codable, Sendable, Equatable {
        /// In thousandths.
        package var cpus: Int
        /// In bytes; `nil` if nobody said, so that it doesn't limit.
        package var memory: Int?
        /// In thousandths.
        package var gpus: Int
        /// In thousandths, by name.
        package var custom: [String: Int]
    }

    /// A replica that it hosts, or is to.
    package struct Replica: Codable, Sendable, Equatable {
        /// The number of its assignment.
        package var id: Int
        /// What it is a replica of.
        package var group: String
        /// Whether it takes batches.
        package var isReady: Bool
        /// Why it doesn't.
        package var reason: String?
    }

    /// Its name, another one after each start.
    package var id: String
    package var kind: Kind
    /// `http://host:port`, where it takes inference requests and gives objects.
    package var address = ""
    /// Whether it takes no more replicas and wants to be rid of those it has.
    package var isDraining = false
    package var capacity: Capacity
    package var labels: [String: String]
    /// The objects that it has, by their SHA-256.
    package var objects: [String] = []
    package var replicas: [Replica] = []
    /// The groups that a front has found unfit for its requests, and why; `nil` if there are none.
    package var rejected: [String: String]?

    /// A node that hasn't said more of itself.
    package init(id: String, kind: Kind, capacity: Capacity, labels: [String: String] = [:]) {
        (self.id, self.kind, self.capacity, self.labels) = (id, kind, capacity, labels)
    }

    /// Whether replicas may be placed on it.
    package var isHost: Bool { kind == .worker || capacity.cpus > 0 }
}

extension NodeRecord.Capacity {
    /// Far more than any machine has, and little enough to be added up.
    private static let unlimitedMemory = 1 << 60

    /// These resources. Memory that nobody declared doesn't limit.
    package init(_ resources: Resources) {
        cpus = resources.cpus.thousandths
        memory = resources.memory > 0 ? resources.memory : nil
        gpus = resources.gpus.thousandths
        custom = resources.custom.mapValues(\.thousandths)
    }

    var resources: Resources {
        Resources(
            cpus: Amount(thousandths: cpus), memory: memory ?? Self.unlimitedMemory,
            gpus: Amount(thousandths: gpus), custom: custom.mapValues(Amount.init(thousandths:)))
    }
}
