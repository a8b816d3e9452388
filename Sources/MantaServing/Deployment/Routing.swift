package import MantaCore
import Synchronization

/// Where the requests of a deployment go.
struct Routing {
    /// By version.
    var routes: [Int: Route] = [:]
    /// The version of requests that name none.
    var defaultVersion: Int?
}

/// Where the requests to a version go.
final class Route: Sendable {
    let id: DeploymentController.InstanceID
    let instance: ServedVersion
    let signature: ModelSignature
    /// The instance that this one took over from, while it has to prove itself.
    let standby: ServedVersion?
    let proof: Proof?
    /// New instances that want copies of requests.
    let trials: [TrialRun]

    init(
        id: DeploymentController.InstanceID, instance: ServedVersion, signature: ModelSignature,
        standby: ServedVersion?, proof: Proof?, trials: [TrialRun]
    ) {
        (self.id, self.instance, self.signature) = (id, instance, signature)
        (self.standby, self.proof, self.trials) = (standby, proof, trials)
    }
}

/// Counts what a new instance answers until it has proved itself.
final class Proof: Sendable {
    /// Requests that prove it.
    private static let needed = 100
    private let count = Atomic(0)

    /// One more was answered. Returns true once, when that was enough.
    func answered() -> Bool { count.add(1, ordering: .relaxed).newValue == Self.needed }
}

/// What a request was addressed to, as things were when it came.
package struct Target: Sendable {
    /// Who serves it.
    enum Place: Sendable {
        case served(Route)
        /// Nobody, before a replica was started.
        indirect case asleep(ModelSignature, VersionMetrics)
    }

    /// The version it named.
    package let version: Int?
    let place: Place

    /// What it should look like.
    package var signature: ModelSignature {
        switch place {
        case .served(let route): route.signature
        case .asleep(let signature, _): signature
        }
    }

    /// Where it is counted.
    package var metrics: VersionMetrics {
        switch place {
        case .served(let route): route.instance.metrics
        case .asleep(_, let metrics): metrics
        }
    }

    /// Where it goes; `nil` if a replica has to be started first.
    var route: Route? { if case .served(let route) = place { route } else { nil } }
}
