import MantaCore
import MantaTime

/// What the cache has for a request.
enum CacheFinding: Sendable {
    /// Its answer, or that it can't wait for one.
    case answered(Result<PendingInference.Outcome, ServingError>)
    /// An identical request is being evaluated; see ``ServedVersion/follow(_:_:_:_:arrived:schedule:)``.
    case pending(ResponseCache.Flight, CacheLook)
    /// Nothing: it is evaluated, and what came of that given to ``ServedVersion/keep(_:_:)``.
    case missing(CacheLook)
}

/// A request's look into the cache.
struct CacheLook: Sendable {
    let cache: ResponseCache
    let key: CacheKey
    /// When it began.
    let begun: Instant
    /// How long it took.
    var duration = Duration.zero
}

extension ServedVersion {
    /// How long a request waits for another's answer that has no deadline of its own.
    private static let patience = Duration.seconds(86_400)

    // What waits for nothing has a function of its own, as in `infer`: a request that isn't in the cache goes through no
    // more asynchronous ones than one without a cache.

    /// The look into the cache for a request; `nil` if there is none, for it or at all.
    @inline(never) func look(for request: PendingInference, _ live: Live) -> CacheLook? {
        // Copies are there to have the model run.
        guard let cache = live.cache, !request.isCopy else { return nil }
        let begun = time.now
        guard let key = cache.key(of: request.inputs, outputs: request.outputs) else { return nil }
        return CacheLook(cache: cache, key: key, begun: begun)
    }

    /// Keeps the answer to a request that was missing, whatever came of it.
    @inline(never) func keep(
        _ result: Result<PendingInference.Outcome, ServingError>?, _ look: CacheLook
    ) -> Result<PendingInference.Outcome, ServingError>? {
        let answered = time.now
        switch result {
        case .success(var outcome):
            let run = outcome.timing.run / max(1, outcome.timing.batchRows) * max(1, look.key.inputs.rowCount)
            look.cache.finish(look.key, .success(outcome.outputs), run: run, at: answered)
            outcome.timing.cache = .miss
            outcome.timing.lookup = look.duration + (time.now - answered)
            return .success(outcome)
        case .failure(let error): look.cache.finish(look.key, .failure(error), at: answered)
        case nil: look.cache.finish(look.key, nil, at: answered)
        }
        return result
    }

    /// Waits for the answer to an identical request, or has the model run if that comes to nothing.
    ///
    /// - Returns: What came of it; `nil` if the queue is closed.
    func follow(
        _ flight: ResponseCache.Flight, _ look: CacheLook, _ request: PendingInference, _ live: Live, arrived: Instant,
        schedule: InferenceSchedule
    ) async -> Result<PendingInference.Outcome, ServingError>? {
        let terms = configuration.queue.terms(of: schedule)
        let deadline = arrived + (terms.runsLate ? Self.patience : terms.timeout)
        var flight = flight
        while true {
            let landing = await flight.landing(until: deadline, time: time)
            if case .answer = landing {
                look.cache.waited(isAnswered: true)
            } else {
                look.cache.waited(isAnswered: false)
            }
            switch landing {
            case .answer(let outputs): return hit(outputs, look)
            case .failure(let error): return .failure(error)
            case nil where Task.isCancelled: return .failure(ServingError(.cancelled, "the caller has gone"))
            case nil:
                return .failure(
                    ServingError(
                        .deadlineExceeded, "no answer in time: an identical request was still being evaluated"))
            case .abandoned: break
            }
            switch find(look, live) {
            case .answered(let answer): return answer
            case .pending(let next, _): flight = next
            case .missing(let look):
                return keep(await evaluate(request, live, arrived: arrived, schedule: schedule), look)
            }
        }
    }

    /// Looks for the answer to a request.
    @inline(never) func find(_ look: CacheLook, _ live: Live) -> CacheFinding {
        switch look.cache.find(look.key, at: look.begun) {
        case .kept(let entry): return .answered(hit(entry.outputs, look))
        case .pending(let flight): return .pending(flight, look)
        case .crowded:
            return .answered(
                .failure(
                    overloaded("\(configuration.queue.maxRequests) requests wait for identical ones", live.batcher)))
        case .missing:
            var look = look
            look.duration = time.now - look.begun
            return .missing(look)
        }
    }

    private func hit(_ outputs: [Tensor], _ look: CacheLook) -> Result<PendingInference.Outcome, ServingError> {
        var timing = InferenceTiming()
        timing.cache = .hit
        timing.lookup = time.now - look.begun
        return .success(.init(outputs: outputs, timing: timing))
    }
}
