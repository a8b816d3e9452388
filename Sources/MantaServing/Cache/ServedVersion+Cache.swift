import MantaCore
import MantaTime

extension ServedVersion {
    /// How long a request waits for another's answer that has no deadline of its own.
    private static let patience = Duration.seconds(86_400)

    /// Answers a request from the cache, or has the model run and keeps its answer.
    ///
    /// - Returns: What came of it; `nil` if the queue is closed.
    func lookUp(
        _ request: PendingInference, in cache: ResponseCache, _ live: Live, arrived: Instant,
        schedule: InferenceSchedule
    ) async -> Result<PendingInference.Outcome, ServingError>? {
        let begun = time.now
        let key = CacheKey(inputs: request.inputs, outputs: request.outputs)
        while true {
            switch cache.find(key, at: begun) {
            case .answer(let outputs): return hit(outputs, since: begun)
            case .crowded:
                return .failure(
                    overloaded("\(configuration.queue.maxRequests) requests wait for identical ones", live.batcher))
            case .missing: return await evaluate(request, key, cache, live, begun: begun, arrived, schedule)
            case .pending(let flight):
                let terms = configuration.queue.terms(of: schedule)
                let deadline = arrived + (terms.runsLate ? Self.patience : terms.timeout)
                let landing = await flight.landing(until: deadline, time: time)
                if case .answer = landing { cache.waited(isAnswered: true) } else { cache.waited(isAnswered: false) }
                switch landing {
                case .answer(let outputs): return hit(outputs, since: begun)
                case .failure(let error): return .failure(error)
                case .abandoned: continue
                case nil where Task.isCancelled: return .failure(ServingError(.cancelled, "the caller has gone"))
                case nil:
                    return .failure(
                        ServingError(
                            .deadlineExceeded,
                            "no answer in time: an identical request was still being evaluated"))
                }
            }
        }
    }

    private func hit(
        _ outputs: [Tensor], since begun: Instant
    ) -> Result<PendingInference.Outcome, ServingError> {
        var timing = InferenceTiming()
        timing.cache = .hit
        timing.lookup = time.now - begun
        return .success(.init(outputs: outputs, timing: timing))
    }

    private func evaluate(
        _ request: PendingInference, _ key: CacheKey, _ cache: ResponseCache, _ live: Live,
        begun: Instant, _ arrived: Instant, _ schedule: InferenceSchedule
    ) async -> Result<PendingInference.Outcome, ServingError>? {
        let lookup = time.now - begun
        let result = await evaluate(request, live, arrived: arrived, schedule: schedule)
        let answered = time.now
        cache.finish(key, result?.map(\.outputs), at: answered)
        return result?.map { outcome in
            var outcome = outcome
            outcome.timing.cache = .miss
            outcome.timing.lookup = lookup + (time.now - answered)
            return outcome
        }
    }
}
