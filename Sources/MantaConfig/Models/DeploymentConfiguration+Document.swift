public import MantaServing
import MantaCore

extension DeploymentConfiguration {
    /// What is in force, under the keys of `model.yaml`, for the status.
    public struct Document: Encodable, Sendable {
        struct Batching: Encodable {
            let maxBatchSize: Int?
            let maxQueueDelayMs: Double
        }

        struct Objective: Encodable {
            let p99Ms: Double
        }

        struct Queue: Encodable {
            let maxRequests: Int
            let maxBytes: Int
            let defaultTimeoutMs: Double
        }

        struct Warmup: Encodable {
            let rows: [Int]
        }

        struct Versions: Encodable {
            let serve: Choice
        }

        enum Choice: Encodable {
            case latest(Int), all, only([Int])

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                switch self {
                case .latest(1): try container.encode("latest")
                case .latest(let count): try container.encode(["latest": count])
                case .all: try container.encode("all")
                case .only(let numbers): try container.encode(numbers)
                }
            }
        }

        struct Rollout: Encodable {
            let trialRequests: Int
            let trialS: Double
            let settleS: Double
            let drainTimeoutS: Double
            let allowSignatureChange: Bool
        }

        struct Runtime: Encodable {
            let threads: Int
            let optimization: String
            let arena: Bool?
            let memoryPattern: Bool?
        }

        let engine: String
        let path: String?
        let batching: Batching
        let slo: Objective?
        let queue: Queue
        let replicas: Int?
        let versions: Versions
        let warmup: Warmup
        let rollout: Rollout
        let onnxruntime: Runtime
    }

    /// What is in force, under the keys of `model.yaml`.
    public var document: Document {
        let choice: Document.Choice =
            switch versions {
            case .latest(let count): .latest(count)
            case .all: .all
            case .only(let numbers): .only(numbers)
            }
        return Document(
            engine: engine, path: path,
            batching: .init(maxBatchSize: batching.maxRows, maxQueueDelayMs: batching.maxDelay.milliseconds),
            slo: objective.map { .init(p99Ms: $0.milliseconds) },
            queue: .init(
                maxRequests: queue.maxRequests, maxBytes: queue.maxBytes,
                defaultTimeoutMs: queue.defaultTimeout.milliseconds),
            replicas: replicas, versions: .init(serve: choice), warmup: .init(rows: warmupRows),
            rollout: .init(
                trialRequests: rollout.trialRequests, trialS: rollout.trialTime.milliseconds / 1000,
                settleS: rollout.settleTime.milliseconds / 1000,
                drainTimeoutS: rollout.drainTimeout.milliseconds / 1000,
                allowSignatureChange: rollout.allowsSignatureChange),
            onnxruntime: .init(
                threads: options.threads, optimization: options.optimization.rawValue, arena: options.arena,
                memoryPattern: options.memoryPattern))
    }
}

extension Duration {
    /// In milliseconds, to the microsecond.
    fileprivate var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1000
    }
}
