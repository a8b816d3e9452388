package import MantaTelemetry
package import MantaTime

extension DeploymentController {
    /// One version with one configuration, in memory.
    package struct Instance: Sendable, Equatable {
        /// What it is an instance of.
        package let spec: InstanceSpec
        /// When it was begun.
        package let startedAt: Instant
        /// Where it is on its way to serving.
        package internal(set) var phase = Phase.loading
        /// Its replicas by number.
        package internal(set) var replicas: [Int: ReplicaPhase] = [:]
        var nextReplica = 0
        /// Whether something served in its place when it was begun, so that clients depend on it to be as good.
        let isUpdate: Bool

        init(spec: InstanceSpec, startedAt: Instant, isUpdate: Bool) {
            self.spec = spec
            self.startedAt = startedAt
            self.isUpdate = isUpdate
        }

        /// Replicas that take batches.
        package var readyCount: Int { replicas.values.lazy.filter { $0 == .ready }.count }

        var name: String { "version \(spec.version.number)" }
    }

    /// Where an instance is.
    package enum Phase: Sendable, Equatable {
        /// The engine reads and warms the model. Becomes loaded, or failed.
        case loading
        /// In memory, without a replica. Becomes trial, or growing if there is nothing to compare it with.
        case loaded
        /// One replica runs copies of live requests. Becomes growing, or failed.
        case trial
        /// Gets as many replicas as are wanted. Becomes serving, or failed.
        case growing
        /// Gets requests, or stands by for the one that took over. Becomes draining, or failed.
        case serving
        /// Gets no more requests and finishes those it has. Then it is forgotten.
        case draining
        /// Kept to tell why; holds nothing.
        case failed(String)

        package var isFailed: Bool {
            if case .failed = self { true } else { false }
        }

        /// Whether it serves or is on its way to.
        var isAlive: Bool { self != .draining && !isFailed }

        /// Whether it doesn't serve yet, but is to.
        package var isOnItsWay: Bool { isAlive && self != .serving }
    }

    /// Where a replica is.
    package enum ReplicaPhase: String, Sendable, CaseIterable {
        /// Becomes ready.
        case starting
        /// Takes batches. Becomes draining.
        case ready
        /// Finishes its batch, then is forgotten.
        case draining
    }

    /// Something that operators want to know.
    package struct Note: Sendable, Equatable {
        /// What it is about.
        package var kind: MantaTelemetry.Event.Kind
        /// The version it is about.
        package var version: Int?
        /// Whether somebody has to look at it.
        package var severity = MantaTelemetry.Event.Severity.info
        /// A sentence.
        package var message: String
    }
}
