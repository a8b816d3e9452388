import MantaCore
package import MantaTime

/// What was counted for one version since it was first loaded, in the terms of the protocol's statistics extension.
///
/// Requests are counted when they end, batches when they have run. So at any moment each request that succeeded has its
/// part in ``queue`` to ``output``, or in ``cacheHit``, and the rows of ``batches`` add up to ``rows``.
package struct InferenceStatistics: Sendable, Hashable {
    /// How often something happened, and how long it took in all.
    package struct Total: Sendable, Hashable {
        package private(set) var count: UInt64 = 0
        package private(set) var nanoseconds: UInt64 = 0

        /// Nothing yet.
        package init() {}

        mutating func add(_ duration: Duration) {
            count += 1
            nanoseconds &+= UInt64(max(0, duration.nanoseconds))
        }
    }

    /// The batches of one size.
    package struct Batches: Sendable, Hashable {
        /// Putting them together.
        package private(set) var input = Total()
        /// The engine's runs.
        package private(set) var run = Total()
        /// Taking their results apart.
        package private(set) var output = Total()

        mutating func add(_ timing: InferenceTiming) {
            input.add(timing.input)
            run.add(timing.run)
            output.add(timing.output)
        }
    }

    /// The most sizes of batches that are told apart: a model can be given any.
    package static let maxSizes = 256

    /// Requests that were answered, from their arrival until their reply was written.
    package private(set) var succeeded = Total()
    /// Requests that were refused or failed.
    package private(set) var failed = Total()
    /// How long those that were answered waited for a replica.
    package private(set) var queue = Total()
    /// How long putting their batches together took. That of a request cut in parts is its slowest part's.
    package private(set) var input = Total()
    /// How long the engine ran for them, each with all that ran beside it.
    package private(set) var run = Total()
    /// How long taking their batches apart took.
    package private(set) var output = Total()
    /// Finding the answers of those that were answered from the response cache, or waiting for them.
    package private(set) var cacheHit = Total()
    /// Looking for those that weren't there, and keeping their answers.
    package private(set) var cacheMiss = Total()
    /// Rows that have run; of a model that is never batched, each request is one.
    package private(set) var rows: UInt64 = 0
    /// Batches that have run.
    package private(set) var executions: UInt64 = 0
    /// Those batches by their rows, of the first ``maxSizes`` sizes that came.
    package private(set) var batches: [Int: Batches] = [:]
    /// When the last batch had run.
    package private(set) var lastExecution: Instant?

    /// Nothing yet.
    package init() {}

    /// A request was answered.
    mutating func succeeded(in duration: Duration, _ timing: InferenceTiming) {
        succeeded.add(duration)
        switch timing.cache {
        case .hit:
            cacheHit.add(timing.lookup)
            return
        case .miss: cacheMiss.add(timing.lookup)
        case nil: break
        }
        queue.add(timing.queue)
        input.add(timing.input)
        run.add(timing.run)
        output.add(timing.output)
    }

    /// A request was refused or failed.
    mutating func failed(in duration: Duration) {
        failed.add(duration)
    }

    /// A batch has run.
    mutating func ran(rows count: Int, _ timing: InferenceTiming, at now: Instant) {
        rows += UInt64(count)
        executions += 1
        lastExecution = now
        guard batches[count] != nil || batches.count < Self.maxSizes else { return }
        batches[count, default: Batches()].add(timing)
    }
}
