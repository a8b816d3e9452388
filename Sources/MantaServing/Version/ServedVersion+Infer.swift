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
        guard let live = try accepting() else { return nil }
        let whole = try pending(request, isCopy: isCopy, live)
        let arrived = arrived ?? time.now
        let look = look(for: whole, live)
        let result =
            if live.order == nil, look == nil {
                await evaluate(whole, live, arrived: arrived, schedule: schedule)
            } else {
                await evaluateInOrder(whole, look, live, arrived: arrived, schedule: schedule)
            }
        guard let result else { return nil }
        return response(to: request, outputs: whole.outputs, try result.get(), live)
    }

    /// Answers a request from the cache, or has the model run for it, and keeps the order of replies.
    ///
    /// - Returns: What came of it; `nil` if the queue is closed.
    @inline(never) private func evaluateInOrder(
        _ whole: PendingInference, _ look: CacheLook?, _ live: Live, arrived: Instant, schedule: InferenceSchedule
    ) async -> Result<PendingInference.Outcome, ServingError>? {
        let place = live.order?.enter()
        defer { if let place { live.order?.leave(place) } }
        let result: Result<PendingInference.Outcome, ServingError>?
        if let look {
            switch find(look, live) {
            case .answered(let answer): result = answer
            case .pending(let flight, let look):
                result = await follow(flight, look, whole, live, arrived: arrived, schedule: schedule)
            case .missing(let look):
                result = keep(await evaluate(whole, live, arrived: arrived, schedule: schedule), look)
            }
        } else {
            result = await evaluate(whole, live, arrived: arrived, schedule: schedule)
        }
        guard let result else { return nil }
        if let place { await live.order?.turn(of: place) }
        return result
    }

    /// Has the model run for a request.
    ///
    /// - Returns: What came of it; `nil` if the queue is closed.
    func evaluate(
        _ whole: PendingInference, _ live: Live, arrived: Instant, schedule: InferenceSchedule
    ) async -> Result<PendingInference.Outcome, ServingError>? {
        let parts: [PendingInference]
        do throws(ServingError) {
            guard let submitted = try submit(whole, live, arrived: arrived, schedule: schedule) else { return nil }
            parts = submitted
        } catch {
            return .failure(error)
        }
        await withTaskCancellationHandler {
            if parts.isEmpty { await whole.wait() } else { for part in parts { await part.wait() } }
        } onCancel: {
            for request in live.batcher.cancel(parts.isEmpty ? [whole.id] : parts.map(\.id)) {
                request.payload.resolve(.failure(ServingError(.cancelled, "the caller has gone")))
            }
        }
        return parts.isEmpty ? whole.answer : Self.joinedAnswer(of: parts)
    }

    // What waits for nothing has a function of its own: the frame of an asynchronous one is allocated, with room for
    // all that is in it.

    @inline(never) private func pending(
        _ request: InferenceRequest, isCopy: Bool, _ live: Live
    ) throws(ServingError) -> PendingInference {
        let inputs = try live.signature.bind(request.inputs)
        let wanted = try live.signature.outputIndices(request.outputs)
        let length = try live.padding?.length(of: inputs, live.signature) ?? nil
        return PendingInference(
            inputs: inputs, outputs: wanted, length: length, isCopy: isCopy, trace: isCopy ? nil : request.trace)
    }

    /// Puts a request into the queue.
    ///
    /// - Returns: Its parts, if it had to be cut, else none; `nil` if the queue is closed.
    @inline(never) private func submit(
        _ whole: PendingInference, _ live: Live, arrived: Instant, schedule: InferenceSchedule
    ) throws(ServingError) -> [PendingInference]? {
        let parts = try split(whole, live)
        let key = live.key(of: whole)
        let admission =
            if parts.isEmpty {
                live.batcher.submit(queued(whole, key, live, arrived: arrived, schedule: schedule))
            } else {
                live.batcher.submit(parts: parts.map { queued($0, key, live, arrived: arrived, schedule: schedule) })
            }
        return try isAdmitted(admission, to: live.batcher) ? parts : nil
    }

    @inline(never) private func response(
        to request: InferenceRequest, outputs wanted: [Int], _ outcome: PendingInference.Outcome, _ live: Live
    ) -> InferenceResponse {
        let outputs = zip(wanted, outcome.outputs).map { NamedTensor(live.signature.outputs[$0].name, $1) }
        return InferenceResponse(
            model: id, id: request.id, outputs: outputs, timing: outcome.timing, hasRows: live.plan.maxRows > 0)
    }

    /// Cuts a request of more rows than a batch may have into parts that fit; none if it fits as it is.
    private func split(_ whole: PendingInference, _ live: Live) throws(ServingError) -> [PendingInference] {
        let (inputs, maxRows) = (whole.inputs, live.plan.maxRows)
        guard maxRows > 0 else { return [] }
        let rows = whole.rowCount
        for (index, tensor) in inputs.enumerated() {
            guard let tensor, tensor.rowCount != rows else { continue }
            throw ServingError(
                .invalidRequest,
                "input \"\(live.signature.inputs[index].name)\": expected as many rows as the other inputs have, "
                    + "\(rows), got shape \(tensor.shape)")
        }
        guard rows > maxRows else { return [] }
        // Parts cost memory and time of their own, and a shape with a zero in it costs its client nothing.
        guard (rows - 1) / maxRows < BatchPlan.maxParts else {
            throw ServingError(
                .invalidRequest,
                "the request has \(rows) rows; at most \(maxRows * BatchPlan.maxParts) are taken at a time, "
                    + "\(BatchPlan.maxParts) batches of \(maxRows)")
        }
        var counts = Array(repeating: maxRows, count: rows / maxRows)
        if rows % maxRows > 0 { counts.append(rows % maxRows) }
        let pieces = inputs.map { $0?.splittingRows(counts) }
        return counts.indices.map { part in
            PendingInference(
                inputs: pieces.map { $0?[part] }, outputs: whole.outputs, length: whole.length, isCopy: whole.isCopy,
                trace: whole.trace)
        }
    }

    private func queued(
        _ part: PendingInference, _ key: BatchKey, _ live: Live, arrived: Instant, schedule: InferenceSchedule
    ) -> QueuedRequest<PendingInference> {
        let terms = configuration.queue.terms(of: schedule)
        return QueuedRequest(
            // Where requests always run alone, the first dimension counts no rows.
            id: part.id, key: key, rows: live.plan.maxRows > 0 ? part.rowCount : 1,
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
    func overloaded(_ what: String, _ batcher: Batcher<PendingInference>) -> ServingError {
        let sizer = batcher.sizer
        let batches = (batcher.count + sizer.choice.rows - 1) / max(sizer.choice.rows, 1)
        let run = sizer.curve.expectedTime(rows: sizer.choice.rows) ?? .milliseconds(100)
        let wait = run * batches / max(1, replicas.count)
        return ServingError(.overloaded, "the queue of \(id) is full: \(what)", retryAfter: wait)
    }

    /// Puts the outputs of all parts together. The timing is the slowest part's.
    @inline(never) private static func joinedAnswer(
        of parts: [PendingInference]
    ) -> Result<PendingInference.Outcome, ServingError> {
        var outcomes: [PendingInference.Outcome] = []
        var failure: ServingError?
        for part in parts {
            switch part.answer {
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

extension ServedVersion.Live {
    /// What a request must have in common with others to share a batch with them.
    fileprivate func key(of request: PendingInference) -> BatchKey {
        guard let padding, let length = request.length else {
            return BatchKey(inputs: request.inputs, outputs: request.outputs)
        }
        return BatchKey(
            inputs: request.inputs, outputs: request.outputs, padded: padding.dimensions,
            length: padding.bucket(holding: length))
    }
}
