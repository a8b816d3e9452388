public import Logging
public import MantaBatching
public import MantaCore
import MantaThreads
import Synchronization

/// One version of a deployment: its model, its queue and its replicas, from loading to gone.
public final class ServedVersion: Sendable {
    /// What there is once the model is loaded.
    struct Live: Sendable {
        let signature: ModelSignature
        let plan: BatchPlan
        let batcher: Batcher<PendingInference>
    }

    private struct Mutable: Sendable {
        var state = VersionState.pending
        var live: Live?
        var isStopping = false
    }

    /// Which version of which model it is.
    public let id: ModelID
    /// How it is served.
    public let configuration: DeploymentConfiguration
    /// How many lanes it has.
    public let replicaCount: Int
    /// What is counted for it.
    package let metrics: VersionMetrics
    let time: any TimeSource
    private let engine: any Engine
    private let path: String
    private let logger: Logger
    private let mutable = Mutex(Mutable())

    /// A version whose model is the file at `path`. Nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - id: Which version of which model it is.
    ///   - path: The model file.
    ///   - configuration: How it is served.
    ///   - cpus: How many replicas there are if the configuration doesn't say.
    ///   - engine: What evaluates the model.
    ///   - logger: Takes the changes of its state.
    ///   - time: The clock.
    public init(
        _ id: ModelID, path: String, configuration: DeploymentConfiguration, cpus: Int = 1, engine: any Engine,
        logger: Logger, time: any TimeSource = MachineTime()
    ) {
        self.id = id
        self.path = path
        self.configuration = configuration
        self.replicaCount = configuration.replicas ?? max(1, cpus)
        self.engine = engine
        self.time = time
        self.metrics = VersionMetrics(id)
        var logger = logger
        logger[metadataKey: "model"] = "\(id.name)"
        logger[metadataKey: "version"] = "\(id.version)"
        self.logger = logger
    }

    /// Where it is in its life.
    public var state: VersionState { mutable.withLock { $0.state } }

    /// What the model takes and gives, once it is loaded.
    public var signature: ModelSignature? { mutable.withLock { $0.live?.signature } }

    /// What the protocol's metadata calls the kind of model.
    public var platform: String { engine.platform }

    /// Requests that wait.
    public var queueDepth: Int { mutable.withLock { $0.live }?.batcher.count ?? 0 }

    /// What the model takes and gives, or why a request can't be served now.
    public func readySignature() throws(ServingError) -> ModelSignature { try ready().signature }

    /// What was learned of the cost of batches and the size in force; `nil` until the model is loaded.
    public var sizer: BatchSizer? { mutable.withLock { $0.live }?.batcher.sizer }

    /// Whether requests may share a batch, and why not; `nil` until the model is loaded.
    public var plan: BatchPlan? { mutable.withLock { $0.live }?.plan }

    /// What a request needs, or why it can't be served.
    func ready() throws(ServingError) -> Live {
        let (state, live) = mutable.withLock { ($0.state, $0.live) }
        guard let live, state.isReady else {
            throw state.refusal(of: id) ?? ServingError(.internal, "\(id) is ready without a model")
        }
        return live
    }

    /// Loads, warms and serves until ``stop()``.
    ///
    /// A model that can't be served makes the state `failed` and returns at once; everything else serves on.
    public func run() async {
        do throws(ServingError) {
            let (model, live) = try await load()
            let isStopping = mutable.withLock { mutable in
                mutable.live = live
                mutable.state = mutable.isStopping ? .draining : .ready
                return mutable.isStopping
            }
            if isStopping { live.batcher.close() }
            logger.info("Model is ready", metadata: ["replicas": "\(replicaCount)"])
            await withTaskCancellationHandler {
                await serve(model, live)
            } onCancel: {
                stop()
            }
            mutable.withLock { $0.state = .gone }
        } catch {
            mutable.withLock { $0.state = .failed(error) }
            logger.error("Model failed", metadata: ["reason": "\(error.message)"])
        }
    }

    /// Takes no more requests, finishes those that wait, and lets ``run()`` return.
    public func stop() {
        let live = mutable.withLock { mutable in
            mutable.isStopping = true
            if mutable.live != nil { mutable.state = .draining }
            return mutable.live
        }
        live?.batcher.close()
    }

    private func load() async throws(ServingError) -> (any LoadedModel, Live) {
        mutable.withLock { $0.state = .loading }
        let source = ModelSource(path: path, options: configuration.options)
        let started = time.now
        let model = try await Thread.run(name: "load") { [engine] () throws(ServingError) in try engine.load(source) }
        mutable.withLock { $0.state = .warming }
        var plan = try BatchPlan(signature: model.signature, configured: configuration.batching.maxRows)
        let warmup = Warmup(model: model, rowCounts: configuration.warmupRows)
        let finding = try await Thread.run(name: "warm-up") { [plan] () throws(ServingError) in try warmup(plan: plan) }
        if let obstacle = finding.obstacleToBatching { plan = .never(obstacle) }
        log(finding, plan: plan, elapsed: time.now - started)
        let batcher = Batcher<PendingInference>(
            limits: BatchLimits(
                requests: configuration.queue.maxRequests, bytes: configuration.queue.maxBytes, rows: plan.maxRows,
                delay: configuration.batching.maxDelay),
            objective: configuration.objective, time: time
        ) { $0.payload.resolve(.failure(.deadlineExceeded($0))) }
        return (model, Live(signature: model.signature, plan: plan, batcher: batcher))
    }

    private func serve(_ model: any LoadedModel, _ live: Live) async {
        let run = BatchRun(model: model, plan: live.plan, time: time)
        await withDiscardingTaskGroup { group in
            for index in 0..<replicaCount {
                let replica = Replica(
                    id: index, of: id, batcher: live.batcher, run: run, metrics: metrics, time: time)
                group.addTask { await replica.serve() }
            }
        }
    }

    private func log(_ finding: Warmup.Finding, plan: BatchPlan, elapsed: Duration) {
        if let warning = finding.warning {
            logger.warning("Model could not be warmed with made-up inputs", metadata: ["reason": "\(warning)"])
        }
        if let reason = plan.reason {
            logger.info("Requests to the model run alone", metadata: ["reason": "\(reason)"])
        }
        logger.debug("Model loaded", metadata: ["elapsed": "\(elapsed)"])
    }
}
