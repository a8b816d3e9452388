import MantaBatching
import MantaCore
import MantaTime

/// What becomes of a batch that was sent: it is answered, lost, or sent to a second server.
///
/// Decides upon each event and has what follows begun in the task group that it is given. The first answer counts; what
/// comes later is called off.
///
/// Each server that lets wait is asked whether it lives. The lane's own one is asked also when its answer isn't waited for
/// any more, since the time is over or another has answered: or else a dead one would stay in for as long as nobody waits
/// for it.
struct RemoteCourse {
    /// Which of the servers something is about.
    enum Role: Sendable {
        case first, hedge
    }

    enum Event: Sendable {
        case ran(Role, Result<[Tensor], RemoteFailure>)
        /// It has let wait for so long that it is asked whether it lives.
        case lookIsDue(Role)
        /// It lives, or doesn't.
        case looked(Role, RemoteFailure?)
        /// Most batches would have been answered by now.
        case hedgeIsDue
        /// What was waited for was called off.
        case nothing
    }

    /// What became of the requests.
    enum End: Sendable {
        case answered
        /// They failed, and would again elsewhere.
        case failed(ServingError)
        /// They have no answer.
        case lost(RemoteFailure)
    }

    typealias Group = TaskGroup<Event>

    /// A batch at one server.
    private struct Attempt {
        let target: RemoteTarget
        let sent: Instant
        /// A task of its own, so that it can be called off while others go on. A child waits for it.
        let run: Task<Result<[Tensor], RemoteFailure>, Never>
        /// Whether its answer is waited for.
        var isOpen = true
        var isLooking = false
    }

    private let replicas: RemoteReplicas
    private let work: RemoteWork
    private var first: Attempt
    private var hedge: Attempt?
    /// After so long without an answer the batch is sent to a second server; `nil` for never.
    private let hedgeDelay: Duration?
    /// Why the first one won't answer, while the second one still may.
    private var loss: RemoteFailure?
    /// What became of the requests, once that is known.
    private(set) var end: End?
    /// Whether it isn't known of the first one, which hasn't answered, that it lives.
    private var isSuspect = false

    /// Sends a batch.
    init(_ work: RemoteWork, at target: RemoteTarget, _ replicas: RemoteReplicas, in group: inout Group) {
        (self.replicas, self.work) = (replicas, work)
        first = Self.send(work.call, to: target, replicas)
        hedgeDelay = replicas.hedging?.began(rows: work.rows)
        wait(for: first, .first, in: &group)
        after(replicas.patience.beforeLook, .lookIsDue(.first), in: &group)
        if let hedgeDelay { after(hedgeDelay, .hedgeIsDue, in: &group) }
    }

    /// Whether nothing more is to be waited for.
    var isOver: Bool { end != nil && !isSuspect }

    mutating func handle(_ event: Event, in group: inout Group) {
        switch event {
        case .ran(.first, let result): firstRan(result, in: &group)
        case .ran(.hedge, let result): hedgeRan(result, in: &group)
        case .lookIsDue(let role): look(role, in: &group)
        case .looked(let role, let failure): looked(role, failure, in: &group)
        case .hedgeIsDue: sendHedge(in: &group)
        case .nothing: break
        }
    }

    // MARK: - Answers

    private mutating func firstRan(_ result: Result<[Tensor], RemoteFailure>, in group: inout Group) {
        guard first.isOpen else { return }
        first.isOpen = false
        switch result {
        case .success(let outputs):
            succeeded(first)
            end = replicas.answer(work, with: outputs, isHedged: false)
        case .failure(let failure) where failure.kind == .late:
            took(first)
            for request in work.batch {
                request.payload.resolve(.failure(ServingError(.deadlineExceeded, failure.message)))
            }
            end = .answered
            callOff(&hedge)
            suspect(in: &group)
        case .failure(let failure):
            firstFailed(failure)
        }
    }

    private mutating func firstFailed(_ failure: RemoteFailure) {
        replicas.failed(first.target, failure)
        if case .answered(let code) = failure.kind {
            end = .failed(ServingError(code, failure.message))
        } else if hedge?.isOpen == true {
            loss = failure
        } else {
            end = .lost(failure)
        }
    }

    private mutating func hedgeRan(_ result: Result<[Tensor], RemoteFailure>, in group: inout Group) {
        guard let hedge, hedge.isOpen else { return }
        switch result {
        case .success(let outputs):
            self.hedge?.isOpen = false
            succeeded(hedge)
            replicas.answers.metrics.recordHedgeWon()
            end = replicas.answer(work, with: outputs, isHedged: true)
            guard first.isOpen else { return }
            took(first)
            first.isOpen = false
            first.run.cancel()
            suspect(in: &group)
        case .failure(let failure):
            hedgeFailed(failure)
        }
    }

    /// That says something of its server, and nothing of the requests.
    private mutating func hedgeFailed(_ failure: RemoteFailure) {
        guard let hedge else { return }
        self.hedge?.isOpen = false
        replicas.failed(hedge.target, failure)
        if let loss { end = .lost(loss) }
    }

    private func succeeded(_ attempt: Attempt) {
        attempt.target.succeeded()
        took(attempt)
    }

    private func took(_ attempt: Attempt) {
        replicas.hedging?.took(replicas.time.now - attempt.sent, rows: work.rows)
    }

    private func callOff(_ attempt: inout Attempt?) {
        attempt?.isOpen = false
        attempt?.run.cancel()
    }

    // MARK: - Looks

    private mutating func suspect(in group: inout Group) {
        isSuspect = true
        look(.first, in: &group)
    }

    private mutating func look(_ role: Role, in group: inout Group) {
        guard let attempt = role == .first ? first : hedge, !attempt.isLooking,
            attempt.isOpen || role == .first && isSuspect
        else { return }
        if role == .first { first.isLooking = true } else { hedge?.isLooking = true }
        group.addTask { [models = replicas.models, limit = replicas.patience.look] in
            do throws(RemoteFailure) {
                try await models.look(at: attempt.target.address, within: limit)
                return .looked(role, nil)
            } catch {
                return Task.isCancelled ? .nothing : .looked(role, RemoteFailure(.silent, error.message))
            }
        }
    }

    private mutating func looked(_ role: Role, _ failure: RemoteFailure?, in group: inout Group) {
        if role == .first { first.isLooking = false } else { hedge?.isLooking = false }
        let isOpen = role == .first ? first.isOpen : hedge?.isOpen == true
        guard let failure else {
            if isOpen { after(replicas.patience.beforeLook, .lookIsDue(role), in: &group) }
            if role == .first { isSuspect = false }
            return
        }
        switch role {
        case .hedge:
            guard isOpen else { return }
            hedge?.run.cancel()
            hedgeFailed(failure)
        case .first where isOpen:
            first.isOpen = false
            first.run.cancel()
            firstFailed(failure)
        case .first:
            guard isSuspect else { return }
            isSuspect = false
            replicas.failed(first.target, failure)
        }
    }

    // MARK: - The second server

    private mutating func sendHedge(in group: inout Group) {
        guard end == nil, first.isOpen, hedge == nil, let hedgeDelay else { return }
        guard let (target, lane) = replicas.laneForHedge(besides: first.target) else {
            // There may be one yet.
            return after(hedgeDelay, .hedgeIsDue, in: &group)
        }
        replicas.answers.metrics.recordHedge()
        let attempt = Self.send(work.call(at: replicas.time.now), to: target, replicas)
        hedge = attempt
        target.began(work.batch.count)
        wait(for: attempt, .hedge, in: &group) { [batcher = replicas.batcher, count = work.batch.count] in
            target.ended(count)
            batcher.giveBack(lane)
        }
        after(replicas.patience.beforeLook, .lookIsDue(.hedge), in: &group)
    }

    // MARK: - Acting

    private static func send(_ call: RemoteBatch, to target: RemoteTarget, _ replicas: RemoteReplicas) -> Attempt {
        let sent = replicas.time.now
        let run = Task { [models = replicas.models] () -> Result<[Tensor], RemoteFailure> in
            do throws(RemoteFailure) {
                return .success(try await models.run(call, at: target.address))
            } catch {
                return .failure(error)
            }
        }
        return Attempt(target: target, sent: sent, run: run)
    }

    private func wait(
        for attempt: Attempt, _ role: Role, in group: inout Group, ended: @escaping @Sendable () -> Void = {}
    ) {
        group.addTask { [run = attempt.run] in
            let result = await withTaskCancellationHandler {
                await run.value
            } onCancel: {
                run.cancel()
            }
            ended()
            return .ran(role, result)
        }
    }

    private func after(_ delay: Duration, _ event: Event, in group: inout Group) {
        group.addTask { [time = replicas.time, due = replicas.time.now + delay] in
            (try? await time.sleep(until: due)) == nil ? .nothing : event
        }
    }
}
