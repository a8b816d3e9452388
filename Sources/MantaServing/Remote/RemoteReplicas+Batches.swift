import MantaBatching
import MantaCore
import MantaRuntime
import MantaTime
import Synchronization

extension RemoteReplicas {
    /// Has a server run a batch, and answers its requests or gives them back.
    func execute(_ batch: [QueuedRequest<PendingInference>], at target: RemoteTarget) async {
        retries.withLock { $0.requested(at: time.now) }
        target.began(batch.count)
        defer { target.ended(batch.count) }
        switch await run(RemoteWork(batch, form, time: time), at: target) {
        case .answered: break
        case .failed(let error): await fail(batch, with: error, at: target)
        case .lost(let failure): giveBack(batch, after: failure)
        }
    }

    private func run(_ work: RemoteWork, at target: RemoteTarget) async -> RemoteCourse.End {
        await withTaskGroup(of: RemoteCourse.Event.self) { group in
            var course = RemoteCourse(work, at: target, self, in: &group)
            while !course.isOver, let event = await group.next() {
                course.handle(event, in: &group)
            }
            group.cancelAll()
            return course.end ?? .lost(RemoteFailure(.lost, "\(target.address): cancelled"))
        }
    }

    /// Answers the requests of a batch.
    ///
    /// - Parameters:
    ///   - work: The batch.
    ///   - outputs: What a server gave.
    ///   - isHedged: Whether that was a second one: how long it took in all says nothing of what batches cost.
    /// - Returns: What became of them.
    func answer(_ work: RemoteWork, with outputs: [Tensor], isHedged: Bool) -> RemoteCourse.End {
        let run = time.now - work.sent
        do throws(ServingError) {
            let result = BatchRun.Result(
                outputs: try form.outputs(outputs, of: work.requests, length: work.length), started: work.sent,
                run: run, length: work.length)
            answers.answer(
                work.batch, with: result, hasRows: form.plan.maxRows > 0, taken: work.taken,
                elapsed: time.now - work.taken, teaches: !isHedged)
            return .answered
        } catch {
            return .failed(error)
        }
    }

    /// One bad request mustn't fail its neighbours: each runs once more alone.
    private func fail(
        _ batch: [QueuedRequest<PendingInference>], with error: ServingError, at target: RemoteTarget
    ) async {
        guard batch.count > 1 else { return batch[0].payload.resolve(.failure(error)) }
        for request in batch {
            if target.nextTry != nil {
                giveBack([request], after: RemoteFailure(.refused, error.message))
            } else if request.deadline <= time.now, !request.runsLate {
                request.payload.resolve(.failure(.deadlineExceeded(request)))
            } else {
                await execute([request], at: target)
            }
        }
    }

    /// Has others run what a server hasn't, or may not have, run.
    private func giveBack(_ batch: [QueuedRequest<PendingInference>], after failure: RemoteFailure) {
        var back: [QueuedRequest<PendingInference>] = []
        let mayHaveRun = failure.kind == .lost || failure.kind == .silent
        // So that a fleet in trouble doesn't get twice its load.
        let isInBudget = mayHaveRun && isIdempotent && retries.withLock { $0.mayRetry(at: time.now) }
        for var request in batch {
            if mayHaveRun {
                guard isInBudget, request.attempts == 0 else {
                    let why =
                        !isIdempotent
                        ? "it may have run, and the model isn't idempotent"
                        : request.attempts > 0 ? "it was tried twice" : "too many are tried again already"
                    request.payload.resolve(.failure(ServingError(.modelUnavailable, "\(failure.message); \(why)")))
                    continue
                }
                request.attempts += 1
            }
            back.append(request)
        }
        for request in batcher.putBack(back) {
            request.payload.resolve(
                .failure(ServingError(.shuttingDown, "\(failure.message); the version was retired meanwhile")))
        }
    }
}
