import MantaBatching
package import MantaCore
package import MantaTime

/// What a request may say about when it runs.
public struct InferenceSchedule: Sendable, Hashable {
    /// How long the caller waits; `nil` for the deployment's default.
    public var timeout: Duration?
    /// 1 runs first; 0 is none and runs after all that have one.
    public var priority: UInt32

    /// What a request may say about when it runs.
    public init(timeout: Duration? = nil, priority: UInt32 = 0) {
        self.timeout = timeout
        self.priority = priority
    }
}

/// A request in a version's queue, whole or cut in parts.
private struct Submission: Sendable {
    let first: PendingInference
    /// The parts after the first, if it was too large for one batch.
    let rest: [PendingInference]
    /// Whose turn it is to be answered, where that is kept.
    let place: Int?

    /// Takes out of the queue what still waits there: the caller has gone.
    func cancel(in batcher: Batcher<PendingInference>) {
        for request in batcher.cancel([first.id] + rest.map(\.id)) {
            request.payload.resolve(.failure(ServingError(.cancelled, "the caller has gone")))
        }
    }
}

extension ServedVersion {
    /// Runs a request through the model, with others if that pays.
    ///
    /// - Parameters:
    ///   - request: Inputs by name, and the outputs wanted.
    ///   - schedule: How long it may take and how urgent it is.
    ///   - arrived: When the request came, from which its time counts; `nil` for now.
    ///   - isCopy: Whether it is a copy of a client's request, which nobody counts.
    /// - Returns: The outputs, in the order asked for; `nil` if the version takes no more requests, so that another
    ///   may serve it.
    /// - Throws: ``ServingError``: `invalidRequest`, `modelUnavailable`, `overloaded`, `deadlineExceeded`, `cancelled`,
    ///   `shuttingDown` or `engineFailed`.
    package func infer(
        _ request: InferenceRequest, schedule: InferenceSchedule = .init(), arrived: Instant? = nil,
        isCopy: Bool = false
    ) async throws(ServingError) -> InferenceResponse? {
        guard let live = try accepting(),
            let submission = try submit(request, schedule, arrived: arrived, isCopy: isCopy, to: live)
        else { return nil }
        defer { if let place = submission.place { live.order?.leave(place) } }
        let result = await withTaskCancellationHandler {
            submission.rest.isEmpty
                ? await submission.first.result() : await Self.joinedResult(of: [submission.first] + submission.rest)
        } onCancel: {
            submission.cancel(in: live.batcher)
        }
        if let place = submission.place { await live.order?.turn(of: place) }
        return response(to: request, outputs: submission.first.outputs, try result.get(), live)
    }

    // What waits for nothing has a function of its own: the frame of an asynchronous one is allocated, with room for
    // all that is in it.

    /// Puts a request into the queue; `nil` if that is closed.
    @inline(never) private func submit(
        _ request: InferenceRequest, _ schedule: InferenceSchedule, arrived: Instant?, isCopy: Bool,
        to live: Live
    ) throws(ServingError) -> Submission? {
        let inputs = try live.signature.bind(request.inputs)
        let wanted = try live.signature.outputIndices(request.outputs)
        let whole = PendingInference(inputs: inputs, outputs: wanted, isCopy: isCopy)
        let parts = try split(whole, live)
        let place = live.order?.enter()
        var isAccepted = false
        defer { if !isAccepted, let place { live.order?.leave(place) } }
        let key = BatchKey(inputs: inputs, outputs: wanted)
        let arrived = arrived ?? time.now
        let admission =
            if let parts {
                live.batcher.submit(parts: parts.map { queued($0, key, arrived: arrived, schedule: schedule) })
            } else {
                live.batcher.submit(queued(whole, key, arrived: arrived, schedule: schedule))
            }
        isAccepted = try isAdmitted(admission, to: live.batcher)
        guard isAccepted else { return nil }
        return Submission(first: parts?[0] ?? whole, rest: parts.map { Array($0.dropFirst()) } ?? [], place: place)
    }

    @inline(never) private func response(
        to request: InferenceRequest, outputs wanted: [Int], _ outcome: PendingInference.Outcome, _ live: Live
    ) -> InferenceResponse {
        let outputs = zip(wanted, outcome.outputs).map { NamedTensor(live.signature.outputs[$0].name, $1) }
        return InferenceResponse(
            model: id, id: request.id, outputs: outputs, timing: outcome.timing, hasRows: live.plan.maxRows > 0)
    }

    /// Cuts a request of more rows than a batch may have into parts that fit; `nil` if it fits as it is.
    private func split(_ whole: PendingInference, _ live: Live) throws(ServingError) -> [PendingInference]? {
        let (inputs, plan) = (whole.inputs, live.plan)
        guard plan.maxRows > 0 else { return nil }
        let rows = whole.rowCount
        for (spec, tensor) in zip(live.signature.inputs, inputs) {
            guard let tensor, tensor.rowCount != rows else { continue }
            throw ServingError(
                .invalidRequest,
                "input \"\(spec.name)\": expected as many rows as the other inputs have, \(rows), "
                    + "got shape \(tensor.shape)")
        }
        guard rows > plan.maxRows else { return nil }
        // Parts cost memory and time of their own, and a shape with a zero in it costs its client nothing.
        guard (rows - 1) / plan.maxRows < BatchPlan.maxParts else {
            throw ServingError(
                .invalidRequest,
                "the request has \(rows) rows; at most \(plan.maxRows * BatchPlan.maxParts) are taken at a time, "
                    + "\(BatchPlan.maxParts) batches of \(plan.maxRows)")
        }
        var counts = Array(repeating: plan.maxRows, count: rows / plan.maxRows)
        if rows % plan.maxRows > 0 { counts.append(rows % plan.maxRows) }
        let pieces = inputs.map { $0?.splittingRows(counts) }
        return counts.indices.map { part in
            PendingInference(inputs: pieces.map { $0?[part] }, outputs: whole.outputs, isCopy: whole.isCopy)
        }
    }

    private func queued(
        _ part: PendingInference, _ key: BatchKey, arrived: Instant, schedule: InferenceSchedule
    ) -> QueuedRequest<PendingInference> {
        let terms = configuration.queue.terms(of: schedule)
        return QueuedRequest(
            id: part.id, key: key, rows: part.rowCount,
            byteCount: part.inputs.reduce(0) { $0 + ($1?.byteCount ?? 0) }, priority: terms.priority,
            arrived: arrived, deadline: arrived + terms.timeout, runsLate: terms.runsLate, payload: part)
    }

    /// Returns false if the queue is closed.
    private func isAdmitted(
        _ admission: BatchQueue<PendingInference>.Admission?, to batcher: Batcher<PendingInference>
    ) throws(ServingError) -> Bool {
        switch admission {
        case .accepted: return true
        case .tooManyRequests: throw overloaded("\(configuration.queue.maxRequests) requests wait", batcher)
        case .tooManyOfPriority(let priority):
            let bound = configuration.queue.policies[Int(priority)]?.maxRequests ?? configuration.queue.maxRequests
            throw overloaded("\(bound) requests of priority \(priority) wait", batcher)
        case .tooManyBytes: throw overloaded("inputs of \(configuration.queue.maxBytes) bytes wait", batcher)
        case .tooLate(let answer):
            throw ServingError(
                .overloaded,
                "\(id) has too much to do: an answer is expected after \(Int(answer.milliseconds)) ms, which is later than "
                    + "the request's deadline", retryAfter: answer)
        case nil: return false
        }
    }

    /// The error of a full queue. Asks the caller back for when the queue will have been worked off.
    private func overloaded(_ what: String, _ batcher: Batcher<PendingInference>) -> ServingError {
        let sizer = batcher.sizer
        let batches = (batcher.count + sizer.choice.rows - 1) / max(sizer.choice.rows, 1)
        let run = sizer.curve.expectedTime(rows: sizer.choice.rows) ?? .milliseconds(100)
        let wait = run * batches / max(1, replicas.count)
        return ServingError(.overloaded, "the queue of \(id) is full: \(what)", retryAfter: wait)
    }

    /// Waits for all parts and puts their outputs together. The timing is the slowest part's.
    @inline(never) private static func joinedResult(
        of parts: [PendingInference]
    ) async -> Result<PendingInference.Outcome, ServingError> {
        var outcomes: [PendingInference.Outcome] = []
        var failure: ServingError?
        for part in parts {
            switch await part.result() {
            case .success(let outcome): outcomes.append(outcome)
            case .failure(let error): failure = failure ?? error
            }
        }
        if let failure { return .failure(failure) }
        let outputs = outcomes[0].outputs.indices.map { output in
            Tensor.joiningRows(outcomes.map { $0.outputs[output] })
        }
        let timing = outcomes.map(\.timing).max { $0.queue + $0.run < $1.queue + $1.run }
        return .success(.init(outputs: outputs, timing: timing ?? .init()))
    }
}
