import MantaTelemetry
package import MantaTime

/// Decides how a deployment gets from what there is to what is wanted, one step at a time: a value that compares and
/// does nothing.
///
/// An **instance** is one version with one configuration, in memory, with its queue and its replicas. An update starts
/// new instances beside the old ones (surge), each with one replica. It is warmed, gets copies of live requests for a
/// while (trial), then as many replicas as are wanted (growing), and only then the traffic (serving). The instance it
/// took over from stands by until the new one has proved itself, then drains.
///
/// If the new one fails to load, to warm, in its trial or right after it, the update halts there: what served goes on.
/// Nothing that serves is taken away before all that should serve does, so a half-failed update never costs capacity.
///
/// ```swift
/// var controller = DeploymentController()
/// controller.handle(.wanted([spec]), at: now)     // [.load(0, spec)]
/// controller.handle(.loaded(0), at: now)          // [.startReplica(0, 0)]
/// controller.handle(.replicaReady(0, 0), at: now) // [.route(…)]
/// ```
package struct DeploymentController: Sendable {
    /// Names an instance; never used twice.
    package typealias InstanceID = Int

    /// The rules in force. A change holds from the next step on.
    package var rules = Rules()
    package private(set) var wanted: [InstanceSpec] = []
    package private(set) var instances: [InstanceID: Instance] = [:]
    package private(set) var routes = Routes()
    /// What failed since it was wanted, and why. It isn't tried again unless somebody asks.
    package private(set) var halted: [InstanceSpec: String] = [:]
    /// Replicas that ended without being asked to.
    package private(set) var restarts = 0
    /// What may stand in, the best first.
    private var fallbacks: [InstanceSpec] = []
    private var counts: [Int: Int] = [:]
    private var defaultCount = 1
    /// The instance that serves each version.
    private var serving: [Int: InstanceID] = [:]
    private var standbys: [InstanceID: Standby] = [:]
    private var nextInstance = 0
    private var alarm: Instant?
    private var actions: [Action] = []
    /// Instances that failed just now and are still there: retired when requests go elsewhere.
    private var failed: [InstanceID] = []

    private struct Standby {
        let old: InstanceID
        let until: Instant
    }

    /// A controller of a deployment that isn't wanted yet.
    package init() {}

    /// Takes an event and decides what follows.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        actions = []
        take(event)
        reconcile(at: now)
        defer { actions = [] }
        return actions
    }

    /// Whether an instance is on its way to service, or has to prove itself yet.
    package var isUpdating: Bool {
        !standbys.isEmpty || instances.values.contains { $0.phase.isOnItsWay }
    }

    /// How many replicas are wanted of a version.
    package func count(of version: Int) -> Int { counts[version] ?? defaultCount }
}

// MARK: - Events

extension DeploymentController {
    private mutating func take(_ event: Event) {
        switch event {
        case .wanted(let specs, let fallbacks, let retry):
            self.fallbacks = fallbacks
            want(specs, retry: retry)
        case .scale(let count, let versions):
            (defaultCount, counts) = (max(0, count), versions.mapValues { max(0, $0) })
        case .count(let count, let version):
            counts[version] = max(0, count)
        case .loaded(let id):
            if instances[id]?.phase == .loading { instances[id]?.phase = .loaded }
        case .failed(let id, let reason):
            if instances[id]?.phase == .draining { instances[id] = nil } else { fail(id, reason, isGone: true) }
        case .replicaReady(let id, let replica):
            if instances[id]?.replicas[replica] == .starting { instances[id]?.replicas[replica] = .ready }
        case .replicaEnded(let id, let replica):
            end(replica, of: id)
        case .trialEnded(let id, let fault):
            guard instances[id]?.phase == .trial else { return }
            if let fault { fail(id, fault) } else { instances[id]?.phase = .growing }
        case .regressed(let id, let reason):
            revert(id, reason)
        case .proved(let id):
            standbys[id] = nil
        case .gone(let id):
            if instances[id]?.phase == .draining { instances[id] = nil }
        case .timer:
            break
        }
    }

    private mutating func want(_ specs: [InstanceSpec], retry: Bool) {
        wanted = specs.sorted { $0.version.number < $1.version.number }
        halted = retry ? [:] : halted.filter { wanted.contains($0.key) || fallbacks.contains($0.key) }
        for (id, instance) in instances where instance.phase.isFailed && halted[instance.spec] == nil {
            instances[id] = nil
        }
        for (id, standby) in standbys { returnToOld(id, standby.old) }
        let numbers = Set(wanted.map(\.version.number))
        counts = counts.filter { numbers.contains($0.key) || serving[$0.key] != nil }
    }

    /// What stands by is wanted again and what took over isn't: it serves again, without being loaded anew.
    private mutating func returnToOld(_ id: InstanceID, _ old: InstanceID) {
        guard let new = instances[id], let old = instances[old].map({ (id: old, spec: $0.spec) }),
            wanted.contains(old.spec), !wanted.contains(new.spec)
        else { return }
        standbys[id] = nil
        serving[old.spec.version.number] = old.id
    }

    private mutating func end(_ replica: Int, of id: InstanceID) {
        guard let phase = instances[id]?.replicas.removeValue(forKey: replica), phase != .draining,
            let instance = instances[id], instance.phase != .draining, !instance.phase.isFailed
        else { return }
        restarts += 1
        let reason = "replica \(replica) ended by itself"
        if standbys[id] != nil {
            revert(id, reason)
        } else if instance.phase != .serving, predecessor(of: instance) != nil {
            fail(id, reason)
        } else {
            note(.replica, instance, "\(reason); another one is started", .warning)
        }
    }

    /// The new instance is no good and the one before it is still there: it serves again.
    private mutating func revert(_ id: InstanceID, _ reason: String) {
        guard let standby = standbys.removeValue(forKey: id), let instance = instances[id] else { return }
        let number = instance.spec.version.number
        serving[number] = instances[standby.old]?.spec.version.number == number ? standby.old : nil
        fail(id, reason)
    }

    private mutating func fail(_ id: InstanceID, _ reason: String, isGone: Bool = false) {
        guard let instance = instances[id], !instance.phase.isFailed else { return }
        instances[id]?.phase = .failed(reason)
        instances[id]?.replicas = [:]
        halted[instance.spec] = reason
        let keeps = serving.isEmpty ? "" : "; what served before goes on"
        note(.update, instance, "\(instance.name) failed: \(reason)\(keeps)", .error)
        if !isGone { failed.append(id) }
    }
}

// MARK: - Decisions

extension DeploymentController {
    private mutating func reconcile(at now: Instant) {
        for (id, standby) in standbys where standby.until <= now { standbys[id] = nil }
        // One step may make room for another: an instance that stood by is scaled once that is over.
        var count = -1
        while actions.count != count {
            count = actions.count
            startMissing(at: now)
            admitLoaded()
            scale()
            moveTraffic(at: now)
            let leaving = retirees()
            reroute(without: Set(leaving))
            actions += failed.map { .retire($0) }
            failed = []
            for id in leaving { retire(id) }
        }
        let next = standbys.values.map(\.until).min()
        if let next, next != alarm { actions.append(.wakeUp(at: next)) }
        alarm = next
    }

    /// Loads what is wanted and isn't there.
    private mutating func startMissing(at now: Instant) {
        for spec in wanted + [standIn].compactMap(\.self) where halted[spec] == nil {
            inheritCount(spec.version.number)
            guard count(of: spec.version.number) > 0 else { continue }
            guard !instances.values.contains(where: { $0.spec == spec && $0.phase.isAlive }) else { continue }
            let id = nextInstance
            nextInstance += 1
            let old = predecessor(of: spec.version.number)
            instances[id] = Instance(spec: spec, startedAt: now, isUpdate: old != nil)
            actions.append(.load(id, spec))
        }
    }

    /// An update keeps the count that was found right for the version before.
    private mutating func inheritCount(_ number: Int) {
        guard counts[number] == nil, let old = predecessor(of: number),
            let version = instances[old]?.spec.version.number
        else { return }
        counts[number] = counts[version]
    }

    /// A loaded instance gets its trial if there is something to compare it with.
    private mutating func admitLoaded() {
        for (id, instance) in ordered where instance.phase == .loaded {
            if rules.hasTrial, let old = predecessor(of: instance) {
                instances[id]?.phase = .trial
                startReplica(of: id)
                actions.append(.beginTrial(id, against: old))
            } else {
                instances[id]?.phase = .growing
            }
        }
    }

    /// Starts and drains replicas until there are as many as wanted.
    private mutating func scale() {
        for (id, instance) in ordered {
            guard instance.phase == .growing || instance.phase == .serving, !isStandingBy(id) else { continue }
            // The last replica ends with its instance, which answers what waits first.
            let target = max(1, count(of: instance.spec.version.number))
            let present = instance.replicas.filter { $0.value != .draining }.map(\.key).sorted()
            for _ in present.count..<max(present.count, target) { startReplica(of: id) }
            for replica in present.dropFirst(target).reversed() {
                instances[id]?.replicas[replica] = .draining
                actions.append(.drainReplica(id, replica))
            }
        }
    }

    /// A new instance with all its replicas takes over.
    private mutating func moveTraffic(at now: Instant) {
        for (id, instance) in ordered where instance.phase == .growing && isPresent(instance.spec) {
            let number = instance.spec.version.number
            guard instance.readyCount >= max(1, count(of: number)) else { continue }
            let old = predecessor(of: instance)
            instances[id]?.phase = .serving
            if let old { standbys[old] = nil }
            if let old, rules.settleTime > .zero {
                standbys[id] = Standby(old: old, until: now + rules.settleTime)
            }
            serving[number] = id
            let replicas = instance.readyCount == 1 ? "1 replica" : "\(instance.readyCount) replicas"
            note(.update, instance, "\(instance.name) serves with \(replicas)")
        }
    }

    /// Instances that have no more to do.
    private mutating func retirees() -> [InstanceID] {
        let isComplete = wanted.allSatisfy { spec in
            if count(of: spec.version.number) == 0 { return true }
            return serving[spec.version.number].flatMap { instances[$0]?.spec } == spec
        }
        if wanted.isEmpty { standbys = [:] }
        var leaving: Set<InstanceID> = []
        // When one goes, the one that stood by for it may go too.
        while true {
            let more = ordered.filter { isDone($0.value, $0.key, leaving: leaving, isComplete: isComplete) }.map(\.key)
            if more.allSatisfy(leaving.contains) { return leaving.sorted() }
            leaving.formUnion(more)
        }
    }

    private func isDone(
        _ instance: Instance, _ id: InstanceID, leaving: Set<InstanceID>, isComplete: Bool
    ) -> Bool {
        guard instance.phase.isAlive else { return false }
        let number = instance.spec.version.number
        if instance.phase != .serving { return !isPresent(instance.spec) || count(of: number) == 0 }
        if standbys.contains(where: { $0.value.old == id && !leaving.contains($0.key) }) { return false }
        let isWanted = wanted.contains(instance.spec)
        return serving[number] != id || (isWanted ? count(of: number) == 0 : isComplete)
    }

    private mutating func retire(_ id: InstanceID) {
        guard let instance = instances[id] else { return }
        if serving[instance.spec.version.number] == id { serving[instance.spec.version.number] = nil }
        standbys[id] = nil
        instances[id]?.phase = .draining
        actions.append(.retire(id))
    }

    /// The fallback that serves, or is to, since everything that is wanted has failed and nothing else serves: after a
    /// restart, what served before a bad update isn't in memory any more, but it is still on disk.
    private var standIn: InstanceSpec? {
        guard !wanted.isEmpty, wanted.allSatisfy({ halted[$0] != nil }) else { return nil }
        guard !serving.isEmpty else { return fallbacks.first { halted[$0] == nil } }
        return fallbacks.first { spec in serving.values.contains { instances[$0]?.spec == spec } }
    }

    private func isPresent(_ spec: InstanceSpec) -> Bool { wanted.contains(spec) || spec == standIn }

    /// Computes where requests go; tells if that changed.
    private mutating func reroute(without leaving: Set<InstanceID>) {
        var next = Routes()
        next.versions = serving.filter { !leaving.contains($0.value) }
        let numbers = wanted.map(\.version.number)
        next.asleep = numbers.filter { count(of: $0) == 0 && next.versions[$0] == nil }
        let candidates = Set(next.versions.keys).union(next.asleep)
        // What isn't wanted any more but serves until something else does: rather what served than the highest.
        let present = routes.defaultVersion.flatMap { candidates.contains($0) ? $0 : nil }
        next.defaultVersion = numbers.last(where: candidates.contains) ?? present ?? candidates.max()
        next.standbys = standbys.filter { !leaving.contains($0.key) }.mapValues(\.old)
        guard next != routes else { return }
        routes = next
        actions.append(.route(next))
    }

    private mutating func startReplica(of id: InstanceID) {
        guard let replica = instances[id]?.nextReplica else { return }
        instances[id]?.nextReplica += 1
        instances[id]?.replicas[replica] = .starting
        actions.append(.startReplica(id, replica))
    }

    /// The instance from which one of this version takes over: that of the same version, else the one that serves
    /// requests which name no version.
    private func predecessor(of number: Int) -> InstanceID? {
        serving[number] ?? routes.defaultVersion.flatMap { serving[$0] }
    }

    private func predecessor(of instance: Instance) -> InstanceID? {
        instance.isUpdate ? predecessor(of: instance.spec.version.number) : nil
    }

    private func isStandingBy(_ id: InstanceID) -> Bool { standbys.values.contains { $0.old == id } }

    private var ordered: [(key: InstanceID, value: Instance)] { instances.sorted { $0.key < $1.key } }

    private mutating func note(
        _ kind: MantaTelemetry.Event.Kind, _ instance: Instance, _ message: String,
        _ severity: MantaTelemetry.Event.Severity = .info
    ) {
        actions.append(
            .note(Note(kind: kind, version: instance.spec.version.number, severity: severity, message: message)))
    }
}
