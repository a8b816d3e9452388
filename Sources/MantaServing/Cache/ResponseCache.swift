package import MantaCore
package import MantaTime
import Synchronization

/// The answers of one instance of a version, by what was asked.
///
/// Of identical requests that come while the first is evaluated, all get its answer, unless one with the same digest that
/// asks something else is evaluated just then. What becomes of the first for reasons of its own, that its caller leaves or
/// its time is over, touches none of them: one of them is evaluated in its place. While the cache rests (``CacheRest``), that
/// holds for those requests only that are looked for.
///
/// ```swift
/// guard let key = cache.key(of: inputs, outputs: outputs) else { … evaluate … }
/// switch cache.find(key, at: now) {
/// case .kept(let entry): … entry.outputs …
/// case .pending(let flight): await flight.landing(until: deadline, time: time); cache.waited(…)
/// case .crowded: …
/// case .missing: … evaluate … ; cache.finish(key, result, at: now)   // always
/// }
/// ```
package final class ResponseCache: Sendable {
    /// What there is for a request.
    package enum Finding: Sendable {
        /// It was answered before.
        case kept(CacheEntry)
        /// An identical request is being evaluated.
        case pending(Flight)
        /// An identical request is being evaluated, and as many wait for that as may.
        case crowded
        /// Nothing: the caller evaluates it, and says what came of it with ``ResponseCache/finish(_:_:at:)``.
        case missing
    }

    /// What others wait for.
    package final class Flight: Sendable {
        /// What becomes of it.
        enum Landing: Sendable {
            case answer([Tensor])
            /// The model failed on these inputs, as it would for each that waits.
            case failure(ServingError)
            /// It wasn't evaluated, for reasons of its own.
            case abandoned
        }

        private let landing = Mutex<Landing?>(nil)
        private let signal = ChangeSignal()

        /// What becomes of it; `nil` if it isn't known by the deadline, or the task is cancelled before.
        func landing(until deadline: Instant, time: any TimeSource) async -> Landing? {
            await signal.first(until: deadline, time: time) { self.landing.withLock { $0 } }
        }

        fileprivate func land(_ landing: Landing) {
            self.landing.withLock { $0 = landing }
            signal.send()
        }
    }

    /// Something that is being evaluated.
    private struct Pending: Sendable {
        let key: CacheKey
        /// What others wait for, if any do.
        var flight: Flight?
    }

    private struct State: Sendable {
        var table: CacheTable<CacheEntry>
        /// What is being evaluated, by the digests of what was asked.
        var pending: [Int: Pending] = [:]
        /// Requests that wait for identical ones.
        var waiting = 0
        var hits = 0
        var misses = 0
        var rest = CacheRest()
        var isClosed = false
    }

    /// What an entry takes beside its own bytes: its places in tables. Estimated, not less.
    static let overhead = 256

    private let configuration: DeploymentConfiguration.ResponseCache
    private let maxWaiting: Int
    private let state: Mutex<State>
    /// The part of the digests that it is asked for while it rests, as the state says, else -1: for those that then don't
    /// take the lock.
    private let part = Atomic(-1)

    /// An empty cache.
    ///
    /// - Parameters:
    ///   - configuration: What bounds it.
    ///   - maxWaiting: Requests that may wait for identical ones.
    package init(_ configuration: DeploymentConfiguration.ResponseCache, maxWaiting: Int = 1000) {
        self.configuration = configuration
        self.maxWaiting = maxWaiting
        state = Mutex(State(table: CacheTable(maxBytes: configuration.maxBytes)))
    }

    /// What is told of it.
    var summary: CacheSummary {
        state.withLock { state in
            CacheSummary(
                hits: state.hits, misses: state.misses, evictions: state.table.evictions, entries: state.table.count,
                byteCount: state.table.byteCount, maxBytes: state.table.maxBytes, isResting: state.rest.part != nil)
        }
    }

    /// Requests that are being evaluated and that identical ones wait for.
    var awaitedCount: Int { state.withLock { $0.pending.values.count { $0.flight != nil } } }

    /// By what a request is looked for.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each input of the model.
    ///   - outputs: The indices of the outputs wanted.
    /// - Returns: The key; `nil` if the request isn't looked for, since the cache rests.
    package func key(of inputs: [Tensor?], outputs: [Int]) -> CacheKey? {
        let digest = CacheKey.digest(of: inputs, outputs)
        let part = part.load(ordering: .relaxed)
        guard part < 0 || part == CacheRest.part(of: digest) else { return nil }
        return CacheKey(inputs: inputs, outputs: outputs, digest: digest)
    }

    /// Looks for the answer to a request.
    package func find(_ key: CacheKey, at now: Instant) -> Finding {
        state.withLock { state in
            if let entry = state.table.value(key.digest, at: now, where: { $0.answers(key) }) {
                count(isHit: true, in: &state)
                return .kept(entry)
            }
            guard var pending = state.pending.updateValue(Pending(key: key), forKey: key.digest) else {
                count(isHit: false, in: &state)
                return .missing
            }
            defer { state.pending[key.digest] = pending }
            guard pending.key.isSame(as: key) else {
                // Of two whose digests collide, others can wait for the first only.
                count(isHit: false, in: &state)
                return .missing
            }
            guard state.waiting < maxWaiting else { return .crowded }
            state.waiting += 1
            let flight = pending.flight ?? Flight()
            pending.flight = flight
            return .pending(flight)
        }
    }

    /// Somebody who was told that an identical request is pending waits no more.
    func waited(isAnswered: Bool) {
        state.withLock { state in
            state.waiting -= 1
            if isAnswered { count(isHit: true, in: &state) }
        }
    }

    private func count(isHit: Bool, in state: inout State) {
        if isHit { state.hits += 1 } else { state.misses += 1 }
        let before = state.rest.part
        state.rest.looked(isHit: isHit)
        if state.rest.part != before { part.store(state.rest.part ?? -1, ordering: .relaxed) }
    }

    /// The request that was missing has been evaluated, or won't be. To be called once for each.
    ///
    /// - Parameters:
    ///   - key: What was asked: the same object.
    ///   - result: Its outputs; `nil` if it was turned away before it was tried.
    ///   - run: How long its run took, of a batch its share.
    ///   - now: The time.
    package func finish(
        _ key: CacheKey, _ result: Result<[Tensor], ServingError>?, run: Duration? = nil, at now: Instant
    ) {
        // Copied before the lock is taken.
        let entry: CacheEntry? =
            if case .success(let outputs) = result {
                CacheEntry(key, outputs, maxBytes: configuration.maxBytes - Self.overhead)
            } else {
                nil
            }
        let flight = state.withLock { state -> Flight? in
            if let run { state.rest.ran(run) }
            if let entry, !state.isClosed {
                state.table.insert(
                    entry, digest: key.digest, byteCount: entry.byteCount + Self.overhead,
                    expires: configuration.timeToLive.map { now + $0 })
            }
            guard let pending = state.pending.removeValue(forKey: key.digest) else { return nil }
            guard pending.key === key else {
                state.pending[key.digest] = pending
                return nil
            }
            return pending.flight
        }
        guard let flight else { return }
        switch result {
        case .success(let outputs): flight.land(.answer(outputs))
        case .failure(let error) where error.code == .engineFailed: flight.land(.failure(error))
        case .failure, nil: flight.land(.abandoned)
        }
    }

    /// Forgets everything, and keeps nothing any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.table.removeAll()
        }
    }
}
