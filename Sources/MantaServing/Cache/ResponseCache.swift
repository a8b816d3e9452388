import MantaCore
import MantaTime
import Synchronization

/// The answers of one instance of a version, by what was asked.
///
/// Of identical requests that come while the first is evaluated, all get its answer. What becomes of the first for reasons
/// of its own, that its caller leaves or its time is over, touches none of them: one of them is evaluated in its place.
///
/// ```swift
/// switch cache.find(key, at: now) {
/// case .answer(let outputs): …
/// case .pending(let flight): await flight.landing(until: deadline, time: time); cache.waited(…)
/// case .crowded: …
/// case .missing: … evaluate … ; cache.finish(key, result, at: now)   // always
/// }
/// ```
final class ResponseCache: Sendable {
    /// What there is for a request.
    enum Finding: Sendable {
        /// Its outputs.
        case answer([Tensor])
        /// An identical request is being evaluated.
        case pending(Flight)
        /// An identical request is being evaluated, and as many wait for that as may.
        case crowded
        /// Nothing: the caller evaluates it, and says what came of it with ``ResponseCache/finish(_:_:at:)``.
        case missing
    }

    /// What others wait for.
    final class Flight: Sendable {
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

    private struct State: Sendable {
        var table: CacheTable<CacheKey, [Tensor]>
        /// What is being evaluated, with what others wait for, if any do.
        var pending: [CacheKey: Flight?] = [:]
        /// Requests that wait for identical ones.
        var waiting = 0
        var hits = 0
        var misses = 0
        var isClosed = false
    }

    /// What an answer takes beside the bytes of its tensors: their shapes, its places in tables. Estimated, not less.
    static let overhead = 512

    private let configuration: DeploymentConfiguration.ResponseCache
    private let maxWaiting: Int
    private let state: Mutex<State>

    /// An empty cache.
    ///
    /// - Parameters:
    ///   - configuration: What bounds it.
    ///   - maxWaiting: Requests that may wait for identical ones.
    init(_ configuration: DeploymentConfiguration.ResponseCache, maxWaiting: Int = 1000) {
        self.configuration = configuration
        self.maxWaiting = maxWaiting
        state = Mutex(State(table: CacheTable(maxBytes: configuration.maxBytes)))
    }

    /// What is told of it.
    var summary: CacheSummary {
        state.withLock { state in
            CacheSummary(
                hits: state.hits, misses: state.misses, evictions: state.table.evictions, entries: state.table.count,
                byteCount: state.table.byteCount, maxBytes: state.table.maxBytes)
        }
    }

    /// Requests that are being evaluated and that identical ones wait for.
    var awaitedCount: Int { state.withLock { $0.pending.values.count { $0 != nil } } }

    /// Looks for the answer to a request.
    func find(_ key: CacheKey, at now: Instant) -> Finding {
        state.withLock { state in
            if let outputs = state.table.value(of: key, at: now) {
                state.hits += 1
                return .answer(outputs)
            }
            guard let awaited = state.pending[key] else {
                state.misses += 1
                state.pending[key] = .some(nil)
                return .missing
            }
            guard state.waiting < maxWaiting else { return .crowded }
            state.waiting += 1
            let flight = awaited ?? Flight()
            state.pending[key] = flight
            return .pending(flight)
        }
    }

    /// Somebody who was told that an identical request is pending waits no more.
    func waited(isAnswered: Bool) {
        state.withLock { state in
            state.waiting -= 1
            if isAnswered { state.hits += 1 }
        }
    }

    /// The request that was missing has been evaluated, or won't be. To be called once for each.
    ///
    /// - Parameters:
    ///   - key: What was asked.
    ///   - result: Its outputs; `nil` if it was turned away before it was tried.
    ///   - now: The time.
    func finish(_ key: CacheKey, _ result: Result<[Tensor], ServingError>?, at now: Instant) {
        // Copied before the lock is taken: what is kept mustn't hold a whole batch or a whole request in memory.
        let kept = (try? result?.get()).flatMap { keep(key, $0) }
        let flight = state.withLock { state -> Flight? in
            if let kept, !state.isClosed {
                state.table.insert(
                    kept.key, kept.outputs, byteCount: kept.byteCount,
                    expires: configuration.timeToLive.map { now + $0 })
            }
            return state.pending.removeValue(forKey: key) ?? nil
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

    /// Key and outputs in memory of their own, one block; `nil` if they are more than may be.
    private func keep(_ key: CacheKey, _ outputs: [Tensor]) -> (key: CacheKey, outputs: [Tensor], byteCount: Int)? {
        let tensors = key.inputs.compactMap(\.self) + outputs
        let size = tensors.reduce(0) { $0 + $1.alignedByteCount }
        guard size + Self.overhead <= configuration.maxBytes else { return nil }
        var offset = 0
        let block = unsafe TensorBuffer(byteCount: size) { target in
            for tensor in tensors {
                let end = offset + tensor.byteCount
                unsafe tensor.withUnsafeBytes {
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: $0)
                }
                offset += tensor.alignedByteCount
            }
        }
        offset = 0
        func moved(_ tensor: Tensor) -> Tensor {
            defer { offset += tensor.alignedByteCount }
            return Tensor(
                tensor.dataType, shape: tensor.shape, buffer: block, byteRange: offset..<offset + tensor.byteCount)
        }
        let inputs = key.inputs.map { $0.map(moved) }
        return (key.moved(to: inputs), outputs.map(moved), size + Self.overhead)
    }
}

extension Tensor {
    /// Its bytes, up to where another may begin in the same memory.
    fileprivate var alignedByteCount: Int {
        (byteCount + TensorBuffer.alignment - 1) / TensorBuffer.alignment * TensorBuffer.alignment
    }
}
