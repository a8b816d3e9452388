package import Logging
public import MantaBatching
public import MantaCore
package import MantaTelemetry
import MantaThreads
public import MantaTime
import Synchronization

/// One instance of a version: its model, its queue and its replicas, from loading to gone.
///
/// Whoever owns it says how many replicas it has:
///
/// ```swift
/// version.startReplica(0)
/// await version.run { event in … }   // loads, warms, serves until stop()
/// ```
public final class ServedVersion: Sendable {
    /// What becomes of it, for its owner.
    package enum Event: Sendable {
        /// The model is loaded and warmed.
        case loaded
        /// The model can't be served. Nothing follows.
        case failed(ServingError)
        case replicaReady(Int)
        case replicaEnded(Int)
        /// A replica on another server is out, or in again.
        case remote(RemoteReport)
        /// It has finished. Nothing follows.
        case gone
    }

    /// What there is once the model is loaded.
    ///
    /// An object, since each request takes it.
    final class Live: Sendable {
        /// How batches are put together, and taken apart again.
        let form: BatchForm
        let batcher: Batcher<PendingInference>
        /// Who runs batches.
        let lanes: Lanes
        /// Keeps the order of replies, where that is wanted.
        let order: ReplyOrder?
        /// Keeps answers, where that is wanted.
        let cache: ResponseCache?

        init(
            form: BatchForm, batcher: Batcher<PendingInference>, lanes: Lanes, order: ReplyOrder?, cache: ResponseCache?
        ) {
            (self.form, self.batcher, self.lanes) = (form, batcher, lanes)
            (self.order, self.cache) = (order, cache)
        }

        var signature: ModelSignature { form.signature }
        var plan: BatchPlan { form.plan }
        var padding: PaddingPlan? { form.padding }

        /// What batches run with on this node; `nil` if others run them.
        var runs: RunSource? { if case .local(let runs) = lanes { runs } else { nil } }

        /// The replicas elsewhere; `nil` if this node runs batches itself.
        var remote: RemoteReplicas? { if case .remote(let remote) = lanes { remote } else { nil } }
    }

    /// Who runs batches.
    enum Lanes: Sendable {
        /// Replicas of this node, with a model in its memory.
        case local(RunSource)
        /// Other servers.
        case remote(RemoteReplicas)
    }

    struct Mutable: Sendable {
        var state = VersionState.pending
        /// Where others serve it; `nil` for a model that this node loads.
        var places: WantedDeployment.Places?
        /// What it waits for.
        var obstacle: String?
        var live: Live?
        var replicas: [Int: Replica] = [:]
        /// How long it may take to finish, once it is to stop.
        var drainTime: Duration?
    }

    /// Threads within a run to begin with.
    let firstThreads: Int
    /// Which version of which model it is.
    public let id: ModelID
    /// Its files.
    public let spec: VersionSpec
    /// How it is served.
    public let configuration: DeploymentConfiguration
    /// When it was made.
    public let startedAt: Instant
    /// What is counted for it.
    package let metrics: VersionMetrics
    let time: any TimeSource
    let engine: any Engine
    let remotes: (any RemoteModels)?
    let logger: Logger
    let mutable: Mutex<Mutable>
    /// Sent where it waits for other servers.
    let remoteChanges = ChangeSignal()
    /// Replicas to start. Ends when it is to stop.
    private let starts = AsyncStream.makeStream(of: Int.self)
    /// What is to become of its spare model. Ends when it is to stop.
    let spareOrders = AsyncStream.makeStream(of: SpareOrder.self)
    /// Ends when it is to stop.
    private let stopping = AsyncStream.makeStream(of: Never.self)

    /// An instance of a version. Nothing happens before ``run(report:)``.
    ///
    /// - Parameters:
    ///   - spec: The model file.
    ///   - configuration: How it is served.
    ///   - threads: Threads within a run to begin with, if not those of the configuration.
    ///   - metrics: What is counted for the version; instances of one version share it.
    ///   - engine: What evaluates the model.
    ///   - remotes: What reaches other servers, for a model that those serve.
    ///   - places: Where those are.
    ///   - logger: Takes the changes of its state.
    ///   - time: The clock.
    package init(
        _ spec: VersionSpec, configuration: DeploymentConfiguration, threads: Int? = nil,
        metrics: VersionMetrics? = nil, engine: any Engine, remotes: (any RemoteModels)? = nil,
        places: WantedDeployment.Places? = nil, logger: Logger, time: any TimeSource = MachineTime()
    ) {
        id = ModelID(name: configuration.name, version: spec.number)
        self.spec = spec
        self.configuration = configuration
        firstThreads = threads ?? configuration.options.threads
        self.engine = engine
        self.remotes = remotes
        mutable = Mutex(Mutable(places: spec.isRemote ? places ?? .init([]) : nil))
        self.time = time
        self.startedAt = time.now
        self.metrics = metrics ?? VersionMetrics(id)
        var logger = logger
        logger[metadataKey: "model"] = "\(id.name)"
        logger[metadataKey: "version"] = "\(id.version)"
        self.logger = logger
    }

    /// Where it is in its life.
    public var state: VersionState { mutable.withLock { $0.state } }

    /// What the model takes and gives, once it is loaded.
    public var signature: ModelSignature? { mutable.withLock { $0.live?.signature } }

    /// Requests that wait.
    public var queueDepth: Int { mutable.withLock { $0.live }?.batcher.count ?? 0 }

    /// What its replicas do now, by number.
    public var replicas: [ReplicaActivity] {
        let replicas = mutable.withLock { $0.replicas }
        return replicas.values.map { $0.activity.withLock { $0 } }.sorted { $0.id < $1.id }
    }

    /// Why it isn't loaded yet, if that is for others to change.
    package var obstacle: String? { mutable.withLock { $0.live == nil ? $0.obstacle : $0.places?.obstacle } }

    /// What its replicas on other servers do now.
    package var remoteReplicas: [RemoteActivity] { live?.remote?.activities ?? [] }

    /// How much was served in the last minute, and how fast.
    package var lastMinute: RateWindow.Summary { metrics.lastMinute(at: time.now) }

    var isStopping: Bool { mutable.withLock { $0.drainTime != nil } }

    /// What there is once the model is loaded.
    var live: Live? { mutable.withLock { $0.live } }

    /// What was learned of the cost of batches and the size in force; `nil` until the model is loaded.
    public var sizer: BatchSizer? { mutable.withLock { $0.live }?.batcher.sizer }

    /// What is told of its response cache; `nil` if it has none.
    package var cache: CacheSummary? { live?.cache?.summary }

    /// Whether requests may share a batch, and why not; `nil` until the model is loaded.
    public var plan: BatchPlan? { mutable.withLock { $0.live }?.plan }

    /// What a request needs; `nil` if the version takes no more requests.
    ///
    /// - Throws: ``ServingError`` if it can't serve yet, or not at all.
    func accepting() throws(ServingError) -> Live? {
        let (state, live) = mutable.withLock { ($0.state, $0.live) }
        switch state {
        case .ready:
            if let outage = live?.remote?.outage {
                throw ServingError(
                    .modelUnavailable, "no replica of \(id) answers: \(outage.reason)", retryAfter: outage.retry)
            }
            return live
        case .draining, .gone: return nil
        case .pending, .loading, .warming, .failed: throw refusal(in: state)
        }
    }

    /// Why a request can't be served in a state other than ready.
    func refusal(in state: VersionState) -> ServingError {
        state.refusal(of: id) ?? ServingError(.internal, "\(id) refuses requests although it is ready")
    }

    // MARK: - Life

    /// Starts a replica as soon as the model is loaded. `id` is used once.
    package func startReplica(_ id: Int) { starts.continuation.yield(id) }

    /// Lets a replica finish its batch and end.
    package func drainReplica(_ id: Int) { mutable.withLock { $0.live }?.batcher.retire(id) }

    /// Loads, warms and serves until ``stop(within:)``.
    ///
    /// - Parameter report: Told what becomes of it, from any thread.
    package func run(report: @escaping @Sendable (Event) -> Void = { _ in }) async {
        do throws(ServingError) {
            guard let live = try await load() else {
                mutable.withLock { $0.state = .gone }
                return report(.gone)
            }
            let isStopping = mutable.withLock { mutable in
                mutable.live = live
                mutable.state = mutable.drainTime == nil ? .ready : .draining
                return mutable.drainTime != nil
            }
            if isStopping { live.batcher.close() } else { report(.loaded) }
            await withTaskCancellationHandler {
                await serve(live, report: report)
            } onCancel: {
                stop()
            }
            mutable.withLock { $0.state = .gone }
            report(.gone)
        } catch {
            mutable.withLock { $0.state = .failed(error) }
            report(.failed(error))
        }
    }

    /// Takes no more requests, finishes those that wait, and lets ``run(report:)`` return.
    ///
    /// - Parameter limit: After that long, requests that still wait are refused. Those that run are never cut off.
    package func stop(within limit: Duration = .seconds(30)) {
        let live = mutable.withLock { mutable in
            mutable.drainTime = min(mutable.drainTime ?? limit, limit)
            if mutable.live != nil { mutable.state = .draining }
            return mutable.live
        }
        live?.cache?.close()
        if limit > .zero { live?.batcher.close() } else if let live { abandon(live) }
        remoteChanges.send()
        starts.continuation.finish()
        spareOrders.continuation.finish()
        stopping.continuation.finish()
    }

    /// Others serve it in these places from now on, and in no others.
    func move(to places: WantedDeployment.Places) {
        let live = mutable.withLock { mutable in
            mutable.places = places
            return mutable.live
        }
        live?.remote?.set(places)
        remoteChanges.send()
    }

    private func serve(_ live: Live, report: @escaping @Sendable (Event) -> Void) async {
        await withTaskGroup(of: Void.self) { limit in
            limit.addTask { await self.limitDrain(live) }
            switch live.lanes {
            case .local(let runs):
                limit.addTask { await self.keepSpare(runs, of: live) }
                limit.addTask { await self.giveBackIdleMemory(runs) }
                await serve(live, with: runs, report: report)
            case .remote(let remote):
                await serve(with: remote, report: report)
            }
            limit.cancelAll()
        }
        // With the last replica gone, nobody would run what came in at the last moment.
        abandon(live)
    }

    private func serve(
        _ live: Live, with runs: RunSource, report: @escaping @Sendable (Event) -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            for await index in starts.stream {
                let replica = Replica(
                    id: index, of: id, batcher: live.batcher, runs: runs, metrics: metrics, time: time)
                mutable.withLock { $0.replicas[index] = replica }
                group.addTask {
                    report(.replicaReady(index))
                    await replica.serve()
                    self.mutable.withLock { $0.replicas[index] = nil }
                    report(.replicaEnded(index))
                }
            }
        }
    }

    /// All replicas elsewhere count as one that was started here: how many there are is for others to say.
    private func serve(with remote: RemoteReplicas, report: @escaping @Sendable (Event) -> Void) async {
        remote.set(mutable.withLock { $0.places ?? .init([]) })
        var started: [Int] = []
        await withDiscardingTaskGroup { group in
            group.addTask { await remote.serve { report(.remote($0)) } }
            for await index in starts.stream {
                started.append(index)
                report(.replicaReady(index))
            }
            remote.stop()
        }
        for index in started { report(.replicaEnded(index)) }
    }

    /// Once it is to stop, gives what waits the time it may have.
    private func limitDrain(_ live: Live) async {
        for await _ in stopping.stream {}
        guard let limit = mutable.withLock({ $0.drainTime }),
            (try? await time.sleep(until: time.now + limit)) != nil
        else { return }
        abandon(live)
    }

    private func abandon(_ live: Live) {
        for request in live.batcher.abandon() {
            request.payload.resolve(
                .failure(ServingError(.shuttingDown, "\(id) was retired while the request waited for a replica")))
        }
    }
}
