import MantaBatching
import MantaCore
import MantaThreads
import MantaTime
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// One execution lane of a loaded version: takes a batch, runs it, answers, takes the next.
///
/// It has a thread of its own, since a run blocks.
actor Replica {
    /// Names it within its version.
    nonisolated let id: Int
    /// What it does, for operators.
    nonisolated let activity: Mutex<ReplicaActivity>
    private let batcher: Batcher<PendingInference>
    private let runs: RunSource
    private let answers: BatchAnswers
    private let time: any TimeSource
    private let thread: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    init(
        id: Int, of model: ModelID, batcher: Batcher<PendingInference>, runs: RunSource, metrics: VersionMetrics,
        time: any TimeSource
    ) {
        self.id = id
        self.activity = Mutex(ReplicaActivity(id: id, startedAt: time.now))
        self.batcher = batcher
        self.runs = runs
        self.answers = BatchAnswers(batcher: batcher, metrics: metrics)
        self.time = time
        self.thread = ThreadExecutor(name: "\(model.name)/\(id)")
    }

    deinit {
        thread.stop()
    }

    /// Serves until the batcher closes or retires it.
    func serve() async {
        while var batch = await batcher.next(for: id) {
            batcher.fill(&batch, for: id)
            activity.withLock { $0.ongoing = batch.count }
            execute(batch, by: runs.current)
            activity.withLock { $0.ongoing = 0 }
            // Where CPUs are short, those who bring requests go first, and the next batch is the fuller for it.
            sched_yield()
        }
    }

    /// Gives back what the model and the allocator keep for this replica's runs. On its own thread, since the allocator
    /// keeps something for each.
    func giveBackMemory() {
        runs.current.model.giveBackMemory()
    }

    private func execute(_ batch: [QueuedRequest<PendingInference>], by run: BatchRun) {
        let taken = time.now
        do throws(ServingError) {
            answer(batch, with: try run(batch.map(\.payload)), by: run, taken: taken)
        } catch {
            activity.withLock { $0.lastError = error.message }
            guard batch.count > 1 else {
                batch[0].payload.resolve(.failure(error))
                return
            }
            // One bad request mustn't fail its neighbours: each runs once more alone.
            for request in batch {
                if request.deadline <= time.now, !request.runsLate {
                    request.payload.resolve(.failure(.deadlineExceeded(request)))
                } else {
                    execute([request], by: run)
                }
            }
        }
    }

    private func answer(
        _ batch: [QueuedRequest<PendingInference>], with result: BatchRun.Result, by run: BatchRun, taken: Instant
    ) {
        let elapsed = time.now - taken
        activity.withLock { $0.ran(for: elapsed) }
        // What a batch costs under one setting says nothing about another.
        answers.answer(
            batch, with: result, hasRows: run.form.plan.maxRows > 0, taken: taken, elapsed: elapsed,
            teaches: runs.isInForce(run))
    }
}

extension Duration {
    /// In milliseconds, for messages.
    fileprivate var inMilliseconds: String {
        let parts = components
        let microseconds = parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
        return microseconds % 1000 == 0 ? "\(microseconds / 1000)" : "\(Double(microseconds) / 1000)"
    }
}

extension ServingError {
    /// The error of a request whose time was over before it could run.
    static func deadlineExceeded(_ request: QueuedRequest<PendingInference>) -> ServingError {
        ServingError(
            .deadlineExceeded,
            "no answer within \((request.deadline - request.arrived).inMilliseconds) ms: the time was over, or too short for a run, "
                + "while the request waited for a replica")
    }
}
