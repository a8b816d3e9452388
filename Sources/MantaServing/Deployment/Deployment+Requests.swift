package import MantaCore
import MantaTime
import Synchronization

extension Deployment {
    /// What requests for a version, or for none in particular, go to.
    ///
    /// - Throws: ``ServingError`` with code `notFound` or `modelUnavailable`, and why.
    package func target(_ number: Int?) throws(ServingError) -> Target {
        let result: Result<Target, ServingError> = state.withLock { state in
            guard let version = number ?? state.defaultVersion else { return .failure(state.refusal(of: nil)) }
            if let route = state.routing.routes[version] {
                return .success(Target(version: number, place: .served(route)))
            }
            guard state.isWorthWaiting(for: version), let signature = state.signatures[version],
                let metrics = state.metrics[version]
            else { return .failure(state.refusal(of: number)) }
            return .success(Target(version: number, place: .asleep(signature, metrics)))
        }
        return try result.get()
    }

    /// Where requests for a version are counted, if there is one.
    package func metrics(_ number: Int?) -> VersionMetrics? {
        state.withLock { state in (number ?? state.defaultVersion).flatMap { state.metrics[$0] } }
    }

    /// What was counted for one version, or for each that is served, is being loaded or finishes.
    ///
    /// - Parameter number: The version; `nil` for all.
    /// - Returns: The versions, ascending.
    /// - Throws: ``ServingError`` if there is no such version, or nothing was loaded of it yet.
    package func statistics(
        _ number: Int?
    ) throws(ServingError) -> [(version: Int, statistics: InferenceStatistics)] {
        let result: Result<[Int: VersionMetrics], ServingError> = state.withLock { state in
            guard let number else { return .success(state.metrics) }
            guard let metrics = state.metrics[number] else { return .failure(state.refusal(of: number)) }
            return .success([number: metrics])
        }
        return try result.get().sorted { $0.key < $1.key }.map { ($0.key, $0.value.statistics) }
    }

    /// Runs a request. If the instance that it was addressed to is being replaced, the next one serves it; if the version
    /// is asleep, it is woken up and the request waits for that within its deadline.
    ///
    /// - Parameters:
    ///   - request: Inputs by name, and the outputs wanted.
    ///   - schedule: How long it may take and how urgent it is.
    ///   - target: Where it goes.
    /// - Returns: The outputs, in the order asked for.
    /// - Throws: ``ServingError``, as `ServedVersion.infer` does.
    package func infer(
        _ request: InferenceRequest, schedule: InferenceSchedule = .init(), at target: Target
    ) async throws(ServingError) -> InferenceResponse {
        let arrived = time.now
        if let route = target.route,
            let response = try await infer(request, schedule, arrived: arrived, by: route)
        {
            return response
        }
        return try await inferLater(request, schedule, arrived: arrived, version: target.version, after: target.route)
    }

    // What rarely happens has functions of its own: the frame of an asynchronous one is allocated, with room for all
    // that is in it.

    /// Runs a request by one instance; `nil` if that takes no more.
    private func infer(
        _ request: InferenceRequest, _ schedule: InferenceSchedule, arrived: Instant, by route: Route
    ) async throws(ServingError) -> InferenceResponse? {
        do throws(ServingError) {
            let response = try await route.instance.infer(request, schedule: schedule, arrived: arrived)
            if response != nil { answered(request, by: route) }
            return response
        } catch {
            guard error.code == .engineFailed, let standby = route.standby else { throw error }
            return try await infer(request, schedule, arrived: arrived, by: standby, instead: route, after: error)
        }
    }

    private func answered(_ request: InferenceRequest, by route: Route) {
        for trial in route.trials { trial.offer(request) }
        if let proof = route.proof, proof.answered() { send(.proved(route.id)) }
    }

    /// Runs a request by the instance that another took over from, which failed with it.
    @inline(never) private func infer(
        _ request: InferenceRequest, _ schedule: InferenceSchedule, arrived: Instant,
        by standby: ServedVersion, instead route: Route, after error: ServingError
    ) async throws(ServingError) -> InferenceResponse {
        guard let response = (try? await standby.infer(request, schedule: schedule, arrived: arrived)) ?? nil else {
            throw error
        }
        // The request was sound, then.
        send(.regressed(route.id, reason: error.message))
        return response
    }

    /// Runs a request by the instance that serves next, or will when it is woken up, unless the server stops.
    @inline(never) private func inferLater(
        _ request: InferenceRequest, _ schedule: InferenceSchedule, arrived: Instant, version: Int?,
        after last: Route?
    ) async throws(ServingError) -> InferenceResponse {
        var last = last
        while true {
            let route =
                if let next = try target(version).route { next } else {
                    try await awaken(version, for: request, schedule: schedule, arrived: arrived)
                }
            if let last, last.id == route.id { throw route.instance.refusal(in: .draining) }
            if let response = try await infer(request, schedule, arrived: arrived, by: route) { return response }
            last = route
        }
    }

    /// How long a request waits for a replica that has no deadline of its own.
    private static let patience = Duration.seconds(86_400)

    /// Has a replica started and waits for it.
    private func awaken(
        _ number: Int?, for request: InferenceRequest, schedule: InferenceSchedule, arrived: Instant
    ) async throws(ServingError) -> Route {
        let bytes = request.inputs.reduce(0) { $0 + $1.tensor.byteCount }
        let (version, limits, isFull) = state.withLock { state in
            let version = number ?? state.defaultVersion ?? 0
            let limits = state.wanted.configuration.queue
            let held = state.held[version] ?? (0, 0)
            let isFull = held.count > 0 && (held.count >= limits.maxRequests || held.bytes + bytes > limits.maxBytes)
            if !isFull { state.held[version] = (held.count + 1, held.bytes + bytes) }
            return (version, limits, isFull)
        }
        guard !isFull else {
            throw ServingError(
                .overloaded, "\(name) is being started, and as many requests wait for it as may",
                retryAfter: .seconds(1))
        }
        defer {
            state.withLock { state in
                guard let held = state.held[version] else { return }
                state.held[version] = held.count > 1 ? (held.count - 1, held.bytes - bytes) : nil
            }
        }
        let terms = limits.terms(of: schedule)
        let deadline = arrived + (terms.runsLate ? Self.patience : terms.timeout)
        let result = await changes.first(until: deadline, time: time) { [self] () -> Result<Route, ServingError>? in
            do throws(ServingError) {
                if let route = try target(number).route { return .success(route) }
            } catch {
                // It may be another version by now, which nobody has seen yet: who waits for that waits on.
                guard state.withLock({ $0.isExpected(number) }) else { return .failure(error) }
            }
            wake(number)
            return nil
        }
        if let result { return try result.get() }
        if Task.isCancelled { throw ServingError(.cancelled, "the caller has gone") }
        throw ServingError(.deadlineExceeded, "no answer in time: \(name) was asleep and is still being started")
    }

    /// Asks for a replica unless one is on its way. One that came may have gone again before all requests got to it.
    private func wake(_ number: Int?) {
        let version = state.withLock { state -> Int? in
            guard let version = number ?? state.defaultVersion, state.controller.count(of: version) == 0 else {
                return nil
            }
            return version
        }
        if let version { inbox.continuation.yield(.wake(version: version)) }
    }

    func send(_ event: DeploymentController.Event) { inbox.continuation.yield(.event(event)) }
}

extension Deployment.State {
    /// The version of requests that name none.
    fileprivate var defaultVersion: Int? { routing.defaultVersion ?? controller.wanted.last?.version.number }

    /// Versions that are asleep and that a request wakes up.
    var wakeable: [Int] { controller.routes.asleep.filter(isWorthWaiting) }

    /// Whether requests for a version that has no replica wait for one: what they look like is known, since it had one
    /// before.
    fileprivate func isWorthWaiting(for version: Int) -> Bool { signatures[version] != nil && isExpected(version) }

    /// Whether a version, or the one of requests that name none, gets a replica, if not by itself then since a request
    /// comes.
    fileprivate func isExpected(_ number: Int?) -> Bool {
        guard !isStopping, !isRemoved, let version = number ?? defaultVersion,
            wanted.scale.wakesUp || controller.count(of: version) > 0
        else { return false }
        return controller.wanted.contains { $0.version.number == version && controller.halted[$0] == nil }
    }

    /// Why there is nothing to serve a request for a version, or for none in particular.
    func refusal(of number: Int?) -> ServingError {
        let name = wanted.name
        let numbers = Set(controller.wanted.map(\.version.number)).union(routing.routes.keys)
        if let number, !numbers.contains(number) {
            let served = numbers.sorted().map(String.init).joined(separator: ", ")
            return ServingError(
                .notFound,
                "model \"\(name)\" has no version \(number)" + (served.isEmpty ? "" : "; it serves \(served)"))
        }
        let specs = controller.wanted.filter { number == nil || $0.version.number == number }
        if let spec = specs.last(where: { controller.halted[$0] != nil }), let reason = controller.halted[spec] {
            return ServingError(.modelUnavailable, "\(name) version \(spec.version.number) failed: \(reason)")
        }
        if let fault = wanted.fault { return ServingError(.modelUnavailable, "\(name) failed: \(fault)") }
        if isStopping || isRemoved { return ServingError(.shuttingDown, "\(name) is being taken out of service") }
        if let spec = specs.last, controller.count(of: spec.version.number) == 0 {
            if case .followed = wanted.scale {
                return ServingError(.modelUnavailable, "\(name) is being started", retryAfter: .seconds(1))
            }
            return ServingError(.modelUnavailable, "\(name) is scaled to 0 replicas")
        }
        let candidate = instances.values.filter { number == nil || $0.id.version == number }.map(\.state).last
        // One that is loaded and has no route is about to get its replicas.
        let word = candidate.map { $0.isReady ? "starting" : $0.word } ?? VersionState.pending.word
        let subject = specs.last.map { "\(name) version \($0.version.number)" } ?? name
        return ServingError(.modelUnavailable, "\(subject) is \(word), not ready yet", retryAfter: .seconds(1))
    }
}
