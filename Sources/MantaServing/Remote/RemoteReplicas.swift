import MantaBatching
import MantaCore
import MantaRuntime
import MantaTime
import Synchronization

/// The replicas of a version on other servers: each takes batches from the version's queue as it has room for them, and
/// none while it doesn't answer.
///
/// A replica has as many lanes as the server runs batches at a time, and one more so that the next batch is there when
/// one ends. A lane asks the queue for a batch, sends it, and answers its requests. So a server never has more than it
/// takes, and one that has gone just asks for nothing. A batch that it still had goes back to the queue, for others. Of
/// lanes that wait, those come first that are for a replica of this process, and those last whose server has as much to do
/// as it has replicas.
final class RemoteReplicas: Sendable {
    /// How a server that doesn't answer is told from one that works.
    struct Patience: Sendable {
        /// After so long without an answer, the server is asked whether it lives; sooner if the answer isn't waited for
        /// any longer.
        var beforeLook = Duration.milliseconds(250)
        /// How long it has to say so. One that is dead is out after both, whatever time requests have.
        var look = Duration.milliseconds(450)
        /// How long it may take to describe its model.
        var describe = Duration.seconds(5)
    }

    /// Lanes where a server doesn't say how many replicas it has.
    private static let defaultLanes = 4
    /// A queue names its takers by number; those of replicas of this node are small.
    private static let nextLane = Atomic(1 << 32)

    let models: any RemoteModels
    let form: BatchForm
    let batcher: Batcher<PendingInference>
    let isIdempotent: Bool
    let patience: Patience
    let time: any TimeSource
    let answers: BatchAnswers
    /// Which batches are sent to a second server; `nil` if none are.
    let hedging: Hedging?
    private let targets: Mutex<[RemoteTarget]> = Mutex([])
    /// Why there are no more.
    private let obstacle = Mutex<String?>(nil)
    private let arrivals = AsyncStream.makeStream(of: RemoteTarget.self)
    private let reports = AsyncStream.makeStream(of: RemoteReport.self, bufferingPolicy: .bufferingNewest(100))
    let retries = Mutex(RetryBudget())
    private let isStopping = Atomic(false)
    private let changes = ChangeSignal()

    init(
        _ models: any RemoteModels, form: BatchForm, batcher: Batcher<PendingInference>, metrics: VersionMetrics,
        isIdempotent: Bool, hedge: DeploymentConfiguration.Hedge? = nil, patience: Patience = .init(),
        time: any TimeSource
    ) {
        (self.models, self.form, self.batcher, self.isIdempotent) = (models, form, batcher, isIdempotent)
        (self.patience, self.time) = (patience, time)
        answers = BatchAnswers(batcher: batcher, metrics: metrics)
        hedging = isIdempotent ? hedge.map { Hedging($0) } : nil
    }

    /// How they are, in the order of their addresses.
    var activities: [RemoteActivity] { targets.withLock { $0 }.map(\.activity) }

    /// There are to be replicas at these addresses, and no others. Those that go finish what they have.
    func set(_ places: WantedDeployment.Places) {
        var seen: Set<RemoteAddress> = []
        let addresses = places.addresses.filter { seen.insert($0).inserted }
        obstacle.withLock { $0 = places.obstacle }
        let (new, gone) = targets.withLock { targets in
            let known = Dictionary(targets.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
            let gone = targets.filter { !addresses.contains($0.address) }
            let next = addresses.map { known[$0] ?? RemoteTarget($0, time: time) }
            defer { targets = next }
            return (next.filter { known[$0.address] == nil }, gone)
        }
        for target in gone {
            for lane in target.remove() { batcher.retire(lane) }
        }
        for target in targets.withLock({ $0 }) {
            guard let count = places.replicas[target.address] else { continue }
            // They begin anew, as many as there are to be.
            for lane in target.setReplicas(count) { batcher.retire(lane) }
        }
        for target in new { arrivals.continuation.yield(target) }
        changes.send()
    }

    /// Serves until ``stop()``, and then what still waits. Call it once.
    ///
    /// - Parameter report: Told when a replica is out, and when it is in again.
    func serve(report: @escaping @Sendable (RemoteReport) -> Void = { _ in }) async {
        async let reporting: Void = { for await news in reports.stream { report(news) } }()
        await withDiscardingTaskGroup { group in
            for await target in arrivals.stream {
                group.addTask { await self.serve(target) }
            }
        }
        reports.continuation.finish()
        await reporting
    }

    /// Lets ``serve()`` return once nothing waits.
    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        arrivals.continuation.finish()
        changes.send()
    }

    /// Why no replica takes batches, and when one is tried next; `nil` if one does.
    var outage: (reason: String, retry: Duration)? {
        let targets = targets.withLock { $0 }
        guard !targets.isEmpty else { return (obstacle.withLock { $0 } ?? "it has none", .seconds(1)) }
        var first: (reason: String, at: Instant)?
        for target in targets {
            guard let at = target.nextTry, let outage = target.activity.outage else { return nil }
            if first.map({ at < $0.at }) ?? true { first = (outage.reason, at) }
        }
        return first.map { ($0.reason, max($0.at - time.now, .milliseconds(100))) }
    }

    // MARK: - One replica

    private func serve(_ target: RemoteTarget) async {
        while !isOver(target) {
            do throws(RemoteFailure) {
                let description = try await models.describe(target.address, within: patience.describe)
                if let obstacle = description.signature.obstacle(toServingClientsOf: form.signature) {
                    throw RemoteFailure(.refused, "\(target.address): \(obstacle)")
                }
                if form.plan.maxRows > 0, description.maxRows.map({ $0 < form.plan.maxRows }) ?? false {
                    throw RemoteFailure(
                        .refused,
                        "\(target.address): it takes batches of at most \(description.maxRows ?? 0) rows, the others "
                            + "\(form.plan.maxRows)")
                }
                target.connected()
                let replicas = target.replicas ?? description.replicas
                await serve(target, lanes: replicas.map { $0 + 1 } ?? Self.defaultLanes)
            } catch {
                // Whatever it says when it is asked about its model: it can't be used for now.
                failed(target, RemoteFailure(error.kind.isAnswer ? .refused : error.kind, error.message))
            }
            await pause(target)
        }
    }

    private func isOver(_ target: RemoteTarget) -> Bool {
        if target.isRemoved || Task.isCancelled { return true }
        guard isStopping.load(ordering: .sequentiallyConsistent) else { return false }
        // What another one runs may come back to be run here.
        return batcher.count == 0 && !activities.contains { $0.ongoing > 0 }
    }

    /// Waits until a replica that is out may be tried again.
    private func pause(_ target: RemoteTarget) async {
        if isStopping.load(ordering: .sequentiallyConsistent), target.nextTry == nil, !isOver(target) {
            try? await time.sleep(until: time.now + .milliseconds(20))
        }
        while let next = target.nextTry, next > time.now, !isOver(target) {
            let isStopping = isStopping.load(ordering: .sequentiallyConsistent)
            // Once it is to stop, what waits may be gone at any time.
            let until = isStopping ? min(next, time.now + .milliseconds(50)) : next
            _ = await changes.first(until: until, time: time) { [self] in
                isOver(target) || self.isStopping.load(ordering: .sequentiallyConsistent) != isStopping ? true : nil
            }
        }
    }

    /// One lane, and as many as there are to be as soon as a batch has gone well. Returns when all have ended.
    private func serve(_ target: RemoteTarget, lanes: Int) async {
        let proved = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.lane(of: target) { proved.continuation.yield() }
                proved.continuation.finish()
            }
            guard await proved.stream.first(where: { _ in true }) != nil else { return }
            reports.continuation.yield(.init(message: "replica at \(target.address) serves", isProblem: false))
            for _ in 1..<max(lanes, 2) {
                group.addTask { await self.lane(of: target) {} }
            }
        }
    }

    /// Takes batches until the replica is out or removed, or nothing more comes.
    private func lane(of target: RemoteTarget, succeeded: @Sendable () -> Void) async {
        let lane = Self.nextLane.add(1, ordering: .relaxed).newValue
        guard target.open(lane) else { return }
        defer { target.close(lane) }
        let rank: TakerRank = models.isHere(target.address) ? .here : .elsewhere
        while let batch = await batcher.next(for: lane, as: target.asks(lane) ? rank : .spare) {
            target.took(lane)
            await execute(batch, at: target)
            if target.isIn { succeeded() }
        }
    }

    /// Takes a lane that idles at another server than this one, if one more batch may be sent twice.
    func laneForHedge(besides target: RemoteTarget) -> (target: RemoteTarget, lane: Int)? {
        guard let hedging, hedging.maySend() else { return nil }
        if let borrowed = borrowLane(besides: target) { return borrowed }
        hedging.notSent()
        return nil
    }

    /// The least busy of those that have proved themselves has it.
    private func borrowLane(besides target: RemoteTarget) -> (target: RemoteTarget, lane: Int)? {
        let others = targets.withLock { $0 }.filter { $0 !== target && $0.isIn && !$0.isRemoved }
            .map { (target: $0, ongoing: $0.activity.ongoing, chance: time.jitter()) }
            .sorted { ($0.ongoing, $0.chance) < ($1.ongoing, $1.chance) }
        for other in others {
            if let lane = batcher.borrow(oneOf: other.target.lanes) { return (other.target, lane) }
        }
        return nil
    }

    /// A server didn't do what it was asked. It is out now, if that says that it can't.
    func failed(_ target: RemoteTarget, _ failure: RemoteFailure) {
        let wasIn = target.isIn
        let others = targets.withLock { $0 }.filter { $0 !== target }
        for lane in target.failed(failure, lastSuccess: others.compactMap(\.lastSuccess).max()) { batcher.retire(lane) }
        guard wasIn, target.nextTry != nil else { return }
        reports.continuation.yield(
            .init(message: "replica at \(target.address) is out: \(failure.message)", isProblem: true))
    }
}
