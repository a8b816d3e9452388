import CoreMetrics
import MantaAutoscaler
import MantaCore
import MantaTelemetry
import MantaTime
import Synchronization

extension Deployment {
    /// Makes and keeps the deployment what is wanted, until ``stop()`` or ``remove()``; then finishes what waits.
    ///
    /// Everything that happens to it comes through here, one thing after the other.
    package func run() async {
        await withTaskGroup(of: Void.self) { helpers in
            helpers.addTask { await self.scaleByLoad() }
            await withDiscardingTaskGroup { group in
                for await message in inbox.stream {
                    let actions = take(message)
                    for action in actions { perform(action, in: &group) }
                    settle()
                    // Mostly there is nothing to see when it was time to look at the load.
                    if !actions.isEmpty || message.isChange { changes.send() }
                    if state.withLock({ $0.isRemoved && $0.instances.isEmpty }) { break }
                }
            }
            helpers.cancelAll()
        }
        state.withLock { $0.alarm }?.cancel()
        if state.withLock({ $0.isRemoved }) { report(.deployment, nil, "the deployment has finished and is gone") }
        changes.send()
    }

    /// Measures the load and scales by it, as often as the configuration says, while nobody has pinned the count.
    private func scaleByLoad() async {
        while !Task.isCancelled {
            let scale = state.withLock { $0.wanted.scale }
            if let interval = scale.metricsInterval {
                guard (try? await time.sleep(until: time.now + interval)) != nil else { return }
                inbox.continuation.yield(.tick)
            } else {
                await changes.wait { [self] in state.withLock { $0.wanted.scale != scale } }
            }
        }
    }

    private func take(_ message: Message) -> [DeploymentController.Action] {
        state.withLock { state in
            let now = time.now
            let routes = state.controller.routes
            // In one step with the decision: as soon as anybody is told that a version serves, requests find it.
            defer { if state.controller.routes != routes { state.reroute() } }
            switch message {
            case .want(let wanted, let retry):
                state.begun += 1
                return state.want(wanted, retry: retry, cpus: environment.cpus, at: now)
            case .remove:
                state.isRemoved = true
                return state.controller.handle(.wanted([]), at: now)
            case .wake(let version):
                return state.scale(version, at: now, cpus: environment.cpus) { scaler, _, wanted in
                    scaler.wake(at: now, wanted: wanted)
                }
            case .tick where state.wanted.scale == .tuned:
                return state.scaledVersions.sorted().flatMap {
                    state.tune($0, at: now, cpus: environment.cpus)
                }
            case .tick:
                let held = state.held
                return state.scaledVersions.sorted().flatMap { version in
                    state.scale(version, at: now, cpus: environment.cpus) { scaler, instance, wanted in
                        scaler.tick(instance, held: held[version]?.count ?? 0, wanted: wanted, at: now)
                    }
                }
            case .event(let event):
                let restarts = state.controller.restarts
                let actions = state.controller.handle(event, at: now)
                if case .replicaEnded(let id, _) = event, state.controller.restarts > restarts {
                    state.instances[id]?.metrics.recordRestart()
                }
                return actions
            }
        }
    }

    private func perform(_ action: DeploymentController.Action, in group: inout DiscardingTaskGroup) {
        switch action {
        case .load(let id, let spec):
            let instance = state.withLock { $0.addInstance(id, spec, environment) }
            // Stopped before it was known: it ends by itself.
            if state.withLock({ $0.isStopping }) { instance.stop() }
            report(.version, spec.version.number, "version \(spec.version.number) is being loaded")
            group.addTask { [self] in
                await instance.run { event in self.happened(event, to: id) }
            }
        case .startReplica(let id, let replica):
            instance(id)?.startReplica(replica)
        case .drainReplica(let id, let replica):
            instance(id)?.drainReplica(replica)
        case .beginTrial(let id, let old):
            beginTrial(of: id, against: old, in: &group)
        case .route:
            break  // Since the decision.
        case .retire(let id):
            state.withLock { $0.trials[id] }?.run.end()
            guard let instance = instance(id) else { return }
            report(.version, instance.id.version, "version \(instance.id.version) finishes what it has and goes")
            instance.stop(within: state.withLock { $0.wanted.configuration.rollout.drainTimeout })
        case .wakeUp(let instant):
            setAlarm(at: instant)
        case .note(let note):
            environment.report(name, note)
        }
    }

    private func beginTrial(of id: Int, against old: Int, in group: inout DiscardingTaskGroup) {
        guard let candidate = instance(id), let baseline = instance(old), !state.withLock({ $0.isStopping }) else {
            return send(.trialEnded(id, fault: nil))
        }
        let rollout = state.withLock { $0.wanted.configuration.rollout }
        let run = TrialRun(of: candidate, against: baseline, rollout: rollout, time: time)
        state.withLock { state in
            state.trials[id] = (old, run)
            state.reroute()
        }
        group.addTask { [self] in
            let fault = await run.run()
            state.withLock { state in
                state.trials[id] = nil
                state.reroute()
            }
            send(.trialEnded(id, fault: fault))
        }
    }

    /// Translates what an instance tells of itself.
    private func happened(_ event: ServedVersion.Event, to id: Int) {
        switch event {
        case .loaded:
            send(.loaded(id))
        case .failed(let error): send(.failed(id, reason: error.message))
        case .replicaReady(let replica):
            report(.replica, instance(id)?.id.version, "replica \(replica) is ready")
            send(.replicaReady(id, replica))
        case .replicaEnded(let replica): send(.replicaEnded(id, replica))
        case .remote(let news):
            environment.report(
                name,
                .init(
                    kind: .replica, version: instance(id)?.id.version, severity: news.isProblem ? .warning : .info,
                    message: news.message))
            changes.send()
        case .gone: send(.gone(id))
        }
    }

    private func report(_ kind: Event.Kind, _ version: Int?, _ message: String) {
        environment.report(name, .init(kind: kind, version: version, message: message))
    }

    /// Forgets what has gone.
    private func settle() {
        state.withLock { state in
            state.instances = state.instances.filter { id, instance in
                if state.controller.instances[id] != nil { return true }
                switch instance.state {
                case .gone, .failed: return false
                default: return true
                }
            }
            let versions = Set(state.instances.values.map(\.id.version)).union(
                state.controller.wanted.map(\.version.number))
            state.signatures = state.signatures.filter { versions.contains($0.key) }
            state.scalers = state.scalers.filter { versions.contains($0.key) }
            state.meters = state.meters.filter { versions.contains($0.key) }
            state.tuners = state.tuners.filter { versions.contains($0.key) }
            for (version, metrics) in state.metrics where !versions.contains(version) {
                metrics.remove()
                state.metrics[version] = nil
            }
        }
    }

    private func instance(_ id: Int) -> ServedVersion? { state.withLock { $0.instances[id] } }

    private func setAlarm(at instant: Instant) {
        let task = Task { [self] in
            guard (try? await time.sleep(until: instant)) != nil else { return }
            send(.timer)
        }
        state.withLock { state in
            state.alarm?.cancel()
            state.alarm = task
        }
    }
}

extension Deployment.State {
    fileprivate mutating func want(
        _ new: WantedDeployment, retry: Bool, cpus: Int, at now: Instant
    ) -> [DeploymentController.Action] {
        let (old, isFirst) = (wanted, begun == 1)
        wanted = new
        let rollout = new.configuration.rollout
        controller.rules.hasTrial = rollout.trialRequests > 0
        controller.rules.settleTime = rollout.settleTime
        // A candidate of the tuner isn't what an update should begin with.
        var actions = tuners.keys.sorted().flatMap { interruptTuning(of: $0, at: now) }
        // A count that was found right for the load isn't forgotten because files were read again.
        if isFirst || new.scale != old.scale {
            actions += rescale(cpus: cpus, at: now)
        }
        if isFirst || new.lastDecision != old.lastDecision {
            actions += note(new.lastDecision, isOld: isFirst, at: now)
        }
        // Where it is served changes under a version that serves.
        for instance in instances.values {
            if let places = new.places[instance.spec] { instance.move(to: places) }
        }
        // A folder that has lost its versions, perhaps for a moment, doesn't take away what serves.
        guard new.fault == nil else { return actions }
        let (wanted, fallbacks) = new.instances
        return actions + controller.handle(.wanted(wanted, fallbacks: fallbacks, retry: retry), at: now)
    }

    /// Keeps what others have decided, as far as it was told when they did.
    private mutating func note(
        _ decision: Decision?, isOld: Bool, at now: Instant
    ) -> [DeploymentController.Action] {
        guard var decision, !isOld else {
            if decision == nil { followedDecisions = DecisionLog() }
            return []
        }
        decision.at = now
        followedDecisions.append(decision)
        return [.note(decision.note(version: newestVersion))]
    }

    /// Begins to scale in another way.
    private mutating func rescale(cpus: Int, at now: Instant) -> [DeploymentController.Action] {
        scalers = [:]
        if wanted.scale != .tuned { endTuning() }
        switch wanted.scale {
        case .pinned(let count):
            return controller.handle(.scale(default: count), at: now)
        case .tuned:
            let counts = scaledVersions.map { ($0, min(max(controller.count(of: $0), 1), max(cpus, 1))) }
            let present = begun == 1 ? [:] : Dictionary(uniqueKeysWithValues: counts)
            return controller.handle(.scale(default: max(cpus, 1), versions: present), at: now)
        case .followed(_, let count):
            // All replicas elsewhere count as one.
            return controller.handle(.scale(default: min(count, 1)), at: now)
        case .automatic(let configuration):
            // At least one to begin with: only a model that was loaded once tells what requests to wake it look like.
            let first = max(1, configuration.firstReplicas(cpus: cpus))
            let allowed = configuration.allowedReplicas(cpus: cpus)
            // What serves goes on from where it is: the load decides what is right.
            let counts = scaledVersions.map { version in
                (version, min(max(controller.count(of: version), allowed.lowerBound, 1), allowed.upperBound))
            }
            return controller.handle(
                .scale(default: first, versions: Dictionary(uniqueKeysWithValues: counts)), at: now)
        }
    }

    /// The newest version that is wanted.
    var newestVersion: Int? { controller.wanted.last?.version.number }

    /// The versions whose load counts: those that are wanted, and those that serve because what is wanted doesn't yet.
    var scaledVersions: Set<Int> {
        Set(controller.wanted.map(\.version.number)).union(controller.routes.versions.keys)
    }

    fileprivate mutating func addInstance(
        _ id: Int, _ spec: InstanceSpec, _ environment: Deployment.Environment
    ) -> ServedVersion {
        let number = spec.version.number
        let metrics =
            metrics[number]
            ?? VersionMetrics(
                ModelID(name: wanted.name, version: number), factory: environment.metrics ?? MetricsSystem.factory)
        self.metrics[number] = metrics
        let instance = ServedVersion(
            spec.version, configuration: spec.configuration, threads: tunedThreads, metrics: metrics,
            engine: environment.engine, remotes: environment.remotes, places: wanted.places[spec.version],
            logger: environment.logger, time: environment.time)
        instances[id] = instance
        return instance
    }

    /// Puts the controller's routes into the form that requests use.
    fileprivate mutating func reroute() {
        let wanted = controller.routes
        proofs = proofs.filter { wanted.standbys[$0.key] != nil }
        var next = Routing(defaultVersion: wanted.defaultVersion)
        for (version, id) in wanted.versions {
            guard let instance = instances[id], let signature = instance.signature else { continue }
            let standby = wanted.standbys[id].flatMap { instances[$0] }
            if standby != nil, proofs[id] == nil { proofs[id] = Proof() }
            signatures[version] = signature
            next.routes[version] = Route(
                id: id, instance: instance, signature: signature, standby: standby, proof: proofs[id],
                trials: trials.values.filter { $0.against == id }.map(\.run))
        }
        routing = next
    }
}

// MARK: - Scaling

extension Deployment.State {
    typealias Serving = (id: DeploymentController.InstanceID, served: ServedVersion, ready: Int)

    /// What serves a version.
    func serving(_ version: Int) -> Serving? {
        controller.routes.versions[version].flatMap { id in
            guard let served = instances[id], let instance = controller.instances[id] else { return nil }
            return (id, served, instance.readyCount)
        }
    }

    /// Asks a version's autoscaler, and does what it says.
    fileprivate mutating func scale(
        _ version: Int, at now: Instant, cpus: Int,
        _ decide: (inout VersionScaler, Serving?, Int) -> Decision?
    ) -> [DeploymentController.Action] {
        guard case .automatic(let configuration) = wanted.scale else { return [] }
        let serving = serving(version)
        let count = controller.count(of: version)
        // While it is being loaded there is nothing to decide.
        guard serving != nil || count == 0 else { return [] }
        var scaler = scalers[version] ?? VersionScaler(configuration, cpus: cpus)
        let decision = decide(&scaler, serving, count)
        scalers[version] = scaler
        // What serves only until something else does isn't put to sleep.
        guard let decision, decision.to > 0 || controller.wanted.contains(where: { $0.version.number == version })
        else {
            return []
        }
        return [.note(decision.note(version: version))]
            + controller.handle(.count(decision.to, version: version), at: now)
    }
}

extension Decision {
    fileprivate func note(version: Int?) -> DeploymentController.Note {
        .init(kind: .scale, version: version, message: "\(from) → \(to) replicas: \(reason)")
    }
}
