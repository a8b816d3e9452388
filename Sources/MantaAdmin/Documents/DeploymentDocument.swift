import MantaAutoscaler
import MantaBatching
import MantaConfig
import MantaCore
import MantaServing
import MantaTelemetry
import MantaTime

/// How a deployment is, as `docs/admin.md` shows it.
struct DeploymentDocument: Encodable {
    struct Configuration: Encodable {
        let source: String
        @Nullable var file: String?
        @Nullable var overrides: String?
        let values: DeploymentConfiguration.Document
    }

    struct Scale: Encodable {
        let mode: String
        let source: String
        let replicas: Int
        @Nullable var min: Int?
        @Nullable var max: Int?
    }

    struct Update: Encodable {
        let state: String
        let from: [Int]
        let to: [Int]
        @Nullable var reason: String?
        @Nullable var startedAt: Timestamp?
    }

    let name: String
    let state: String
    @Nullable var reason: String?
    let configuration: Configuration
    let scale: Scale
    @Nullable var update: Update?
    let versions: [VersionDocument]
    let decisions: [DecisionDocument]
    let warnings: [String]

    init(_ snapshot: DeploymentSnapshot, cpus: Int, clock: WallClock) {
        let wanted = snapshot.wanted
        name = wanted.name
        state = snapshot.state.rawValue
        configuration = Configuration(
            source: wanted.source.kind.rawValue, file: wanted.source.file, overrides: wanted.source.overrides,
            values: wanted.configuration.document)
        scale = Scale(snapshot, cpus: cpus)
        versions = VersionDocument.all(of: snapshot, clock: clock)
        decisions = snapshot.decisions.map { DecisionDocument($0.decision, version: $0.version, clock: clock) }
        warnings = wanted.warnings
        reason = snapshot.reason
        update = Update(snapshot, clock: clock)
    }
}

extension DeploymentDocument.Scale {
    init(_ snapshot: DeploymentSnapshot, cpus: Int) {
        let wanted = snapshot.wanted
        source = wanted.isScaledByHand ? "admin" : "configuration"
        replicas = wanted.replicasElsewhere ?? snapshot.replicasOfEachVersion
        switch wanted.scale {
        case .pinned: (mode, min, max) = ("pinned", nil, nil)
        case .automatic(let scaling):
            let allowed = scaling.allowedReplicas(cpus: cpus)
            (mode, min, max) = ("autoscaled", allowed.lowerBound, allowed.upperBound)
        case .followed(let scaling, _): (mode, min, max) = ("autoscaled", scaling.minReplicas, scaling.maxReplicas)
        case .tuned: (mode, min, max) = ("tuned", nil, nil)
        }
    }
}

extension DeploymentDocument.Update {
    /// `nil` if nothing is being changed, and nothing was halted.
    init?(_ snapshot: DeploymentSnapshot, clock: WallClock) {
        let controller = snapshot.controller
        let routes = controller.routes
        let candidates = controller.instances.filter { $0.value.phase.isOnItsWay }
        let isHalted = !controller.halted.isEmpty
        guard !routes.versions.isEmpty, !candidates.isEmpty || !routes.standbys.isEmpty || isHalted else { return nil }
        let newest = candidates.max { $0.key < $1.key }
        if let newest {
            switch newest.value.phase {
            case .loading:
                if case .warming = snapshot.instances[newest.key]?.state {
                    state = "warming"
                } else {
                    state = "loading"
                }
            case .loaded, .trial: state = "trial"
            default: state = "moving"
            }
        } else {
            state = routes.standbys.isEmpty ? "halted" : "settling"
        }
        let old = routes.standbys.values.compactMap { controller.instances[$0]?.spec.version.number }
        let leaving = routes.versions.filter { version, id in
            !controller.wanted.contains { $0 == controller.instances[id]?.spec }
        }
        from = Set(old).union(leaving.keys).sorted()
        let coming = candidates.values.map(\.spec.version.number)
        let settling = routes.standbys.keys.compactMap { controller.instances[$0]?.spec.version.number }
        to = Set(coming + settling + controller.halted.keys.map(\.version.number)).sorted()
        reason = snapshot.reason
        startedAt = newest.map { clock.timestamp(of: $0.value.startedAt) }
    }
}

/// A value that is written as `null` where there is none: clients needn't tell a missing key from an empty one.
@propertyWrapper
struct Nullable<Value: Encodable>: Encodable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// Turns instants, which only this process understands, into the time of day.
///
/// Counted from one moment at which both were read, so that the same instant is the same time in every document: whoever
/// reads them takes a process for another one if its start differs.
struct WallClock {
    /// The moment at which both were read.
    struct Origin {
        let instant: Instant
        let timestamp = Timestamp.now()
    }

    let origin: Origin
    let now: Instant

    func timestamp(of other: Instant) -> Timestamp {
        let sinceOrigin = (other - origin.instant).seconds * 1000
        return Timestamp(milliseconds: origin.timestamp.milliseconds + Int64(sinceOrigin.rounded()))
    }

    /// Seconds since then, to the millisecond.
    func age(of other: Instant) -> Double { ((now - other).seconds * 1000).rounded() / 1000 }
}
