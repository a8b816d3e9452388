import Logging
import MantaBatching
import MantaCore
import MantaThreads
import MantaTime
import Synchronization

extension ServedVersion {
    /// `nil` if it was told to stop before it began.
    func load() async throws(ServingError) -> Live? {
        let isStopping = mutable.withLock { mutable in
            if mutable.drainTime == nil { mutable.state = .loading }
            return mutable.drainTime != nil
        }
        if isStopping { return nil }
        let started = time.now
        let live = try await spec.isRemote ? connect() : loadHere()
        logger.debug("Model loaded", metadata: ["elapsed": "\(time.now - started)"])
        return live
    }

    /// A model in this node's memory.
    private func loadHere() async throws(ServingError) -> Live {
        let model = try await Thread.run(name: "load") { [self] () throws(ServingError) in
            try read(threads: firstThreads)
        }
        mutable.withLock { $0.state = .warming }
        var plan = try BatchPlan(
            signature: model.signature, configured: configuration.batching.maxRows,
            isShared: configuration.batching.isAcrossRequests)
        let padding = try PaddingPlan(configuration, model.signature, plan)
        let warmup = Warmup(
            model: model, rowCounts: configuration.warmupRows, samples: configuration.warmupSamples, padding: padding)
        let finding = try await Thread.run(name: "warm-up") { [plan] () throws(ServingError) in try warmup(plan: plan) }
        if let obstacle = finding.obstacleToBatching {
            plan = .never(obstacle)
            _ = try PaddingPlan(configuration, model.signature, plan)
        }
        log(finding, plan: plan)
        let form = BatchForm(signature: model.signature, plan: plan, padding: padding)
        let run = BatchRun(model: model, form: form, time: time)
        return live(form, makeBatcher(plan), .local(RunSource(run, threads: firstThreads)))
    }

    /// A model that others have loaded. Waits until one of them says what it takes and gives.
    private func connect() async throws(ServingError) -> Live? {
        guard let remotes else { throw ServingError(.internal, "nothing here reaches other servers") }
        guard let description = await describe(remotes) else { return nil }
        var plan = try BatchPlan(
            signature: description.signature, configured: configuration.batching.maxRows ?? description.maxRows,
            isShared: configuration.batching.isAcrossRequests)
        if description.maxRows == nil, configuration.batching.maxRows == nil, plan.maxRows > 0 {
            plan = .never("its server doesn't say whether requests may share a batch; batching.max_batch_size does")
        }
        if let most = description.maxRows, plan.maxRows > most { plan.maxRows = most }
        let form = BatchForm(signature: description.signature.labelled(by: configuration.outputs), plan: plan)
        let batcher = makeBatcher(plan)
        let replicas = RemoteReplicas(
            remotes, form: form, batcher: batcher, metrics: metrics, isIdempotent: configuration.isIdempotent,
            hedge: configuration.hedge, time: time)
        return live(form, batcher, .remote(replicas))
    }

    /// The first description that any of its addresses gives; `nil` if it is to stop before.
    private func describe(_ remotes: any RemoteModels) async -> RemoteDescription? {
        var pause = Duration.milliseconds(100)
        while !isStopping, !Task.isCancelled {
            let places = mutable.withLock { $0.places } ?? .init([])
            var failures = [places.obstacle].compactMap(\.self)
            for address in places.addresses {
                do throws(RemoteFailure) {
                    return try await remotes.describe(address, within: .seconds(5))
                } catch {
                    failures.append(error.message)
                }
            }
            let reason = failures.isEmpty ? "it has no replica" : failures.joined(separator: "; ")
            let isNew = mutable.withLock { mutable in
                defer { mutable.obstacle = reason }
                return mutable.obstacle == nil
            }
            if isNew { logger.warning("No replica answers yet", metadata: ["reason": "\(reason)"]) }
            _ = await remoteChanges.first(until: time.now + pause, time: time) { [self] in
                isStopping || mutable.withLock { $0.places != places } ? true : nil
            }
            pause = min(pause * 2, .seconds(2))
        }
        return nil
    }

    private func makeBatcher(_ plan: BatchPlan) -> Batcher<PendingInference> {
        Batcher(limits: BatchLimits(configuration, plan), objective: configuration.objective, time: time) {
            $0.payload.resolve(.failure(.deadlineExceeded($0)))
        }
    }

    private func live(_ form: BatchForm, _ batcher: Batcher<PendingInference>, _ lanes: Lanes) -> Live {
        Live(
            form: form, batcher: batcher, lanes: lanes,
            order: configuration.batching.keepsOrder ? ReplyOrder() : nil,
            cache: configuration.responseCache.map { ResponseCache($0, maxWaiting: configuration.queue.maxRequests) })
    }

    /// Loads the model.
    ///
    /// - Note: Blocks its thread.
    func read(threads: Int) throws(ServingError) -> any LoadedModel {
        var source = ModelSource(path: spec.path, options: configuration.options)
        source.options.threads = threads
        let model = try engine.load(source)
        return try configuration.changesSignature ? AdaptedModel(model, configuration) : model
    }

    private func log(_ finding: Warmup.Finding, plan: BatchPlan) {
        if let warning = finding.warning {
            logger.warning("Model could not be warmed with made-up inputs", metadata: ["reason": "\(warning)"])
        }
        if let reason = plan.reason {
            logger.info("Requests to the model run alone", metadata: ["reason": "\(reason)"])
        }
    }
}
