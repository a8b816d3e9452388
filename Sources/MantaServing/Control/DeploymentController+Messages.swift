package import MantaTime

extension DeploymentController {
    /// What happened.
    package enum Event: Sendable, Equatable {
        /// These instances are wanted from now on. If all of them fail and nothing serves, the first fallback that can
        /// stands in. With `retry`, those that failed are tried again.
        case wanted([InstanceSpec], fallbacks: [InstanceSpec] = [], retry: Bool = false)
        /// So many replicas are wanted of these versions, and of each other the default. 0 puts a version to sleep.
        case scale(default: Int, versions: [Int: Int] = [:])
        /// So many replicas are wanted of one version.
        case count(Int, version: Int)
        /// The model is loaded and warmed.
        case loaded(InstanceID)
        /// The model can't be loaded, or not be warmed. The instance is gone.
        case failed(InstanceID, reason: String)
        case replicaReady(InstanceID, Int)
        /// The replica takes no more batches, asked for or not.
        case replicaEnded(InstanceID, Int)
        /// The trial is over; `fault` says why if the instance failed it.
        case trialEnded(InstanceID, fault: String?)
        /// The instance failed requests that the one standing by could answer.
        case regressed(InstanceID, reason: String)
        /// The instance has answered enough requests since it took over.
        case proved(InstanceID)
        /// A retired instance has finished.
        case gone(InstanceID)
        /// Time has passed.
        case timer
    }

    /// What the owner is to do, in this order.
    package enum Action: Sendable, Equatable {
        case load(InstanceID, InstanceSpec)
        case startReplica(InstanceID, Int)
        /// Let the replica finish its batch and end.
        case drainReplica(InstanceID, Int)
        /// Compare the instance with the one that it is to take over from, on copies of that one's requests.
        case beginTrial(InstanceID, against: InstanceID)
        /// Send requests this way from now on.
        case route(Routes)
        /// Let the instance finish what it has and go.
        case retire(InstanceID)
        /// Send ``Event/timer`` at this time.
        case wakeUp(at: Instant)
        /// Tell operators.
        case note(Note)
    }

    /// Where requests go.
    package struct Routes: Sendable, Equatable {
        /// The instance of each version.
        package var versions: [Int: InstanceID] = [:]
        /// The version of requests that name none.
        package var defaultVersion: Int?
        /// Versions without an instance, since no replica is wanted now.
        package var asleep: [Int] = []
        /// The instance that answers if the new one fails a request, by the new one.
        package var standbys: [InstanceID: InstanceID] = [:]
    }

    /// The rules of an update that the configuration sets.
    package struct Rules: Sendable, Equatable {
        /// Whether a new instance gets copies of requests before it gets requests.
        package var hasTrial = true
        /// How long the old instance stands by after the new one has taken over.
        package var settleTime = Duration.seconds(5)

        package init() {}
    }
}
