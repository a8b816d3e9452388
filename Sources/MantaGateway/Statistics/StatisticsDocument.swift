import MantaCore
import MantaServing
import MantaTime

/// The statistics of one version.
package struct StatisticsDocument: Encodable, Sendable {
    struct Total: Encodable {
        let count: UInt64
        let ns: UInt64

        init(_ total: InferenceStatistics.Total = .init()) {
            (count, ns) = (total.count, total.nanoseconds)
        }
    }

    struct Requests: Encodable {
        let success: Total
        let fail: Total
        let queue: Total
        let computeInput: Total
        let computeInfer: Total
        let computeOutput: Total
        let cacheHit: Total
        let cacheMiss: Total
    }

    struct Batches: Encodable {
        let batchSize: Int
        let computeInput: Total
        let computeInfer: Total
        let computeOutput: Total
    }

    let name: String
    let version: String
    /// Milliseconds since 1970; 0 if there was none.
    let lastInference: Int64
    let inferenceCount: UInt64
    let executionCount: UInt64
    let inferenceStats: Requests
    let batchStats: [Batches]
    // Those of models that give several replies to a request, of which there are none.
    let responseStats: [String: Never] = [:]
    // The engine doesn't tell.
    let memoryUsage: [Never] = []

    init(_ model: ModelID, _ statistics: InferenceStatistics, last: Int64) {
        (name, version) = (model.name, String(model.version))
        lastInference = last
        (inferenceCount, executionCount) = (statistics.rows, statistics.executions)
        inferenceStats = Requests(
            success: Total(statistics.succeeded), fail: Total(statistics.failed), queue: Total(statistics.queue),
            computeInput: Total(statistics.input), computeInfer: Total(statistics.run),
            computeOutput: Total(statistics.output), cacheHit: Total(statistics.cacheHit),
            cacheMiss: Total(statistics.cacheMiss))
        batchStats = statistics.batches.sorted { $0.key < $1.key }.map { size, batches in
            Batches(
                batchSize: size, computeInput: Total(batches.input), computeInfer: Total(batches.run),
                computeOutput: Total(batches.output))
        }
    }
}
