public import MantaServing
import MantaAutoscaler
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

        struct Autoscaling: Encodable {
            let minReplicas: Int
            let maxReplicas: Int?
            let initialReplicas: Int?
            let targetOngoingRequests: Double?
            let targetQueueWaitMs: Double?
            let upscaleDelayS: Double
            let downscaleDelayS: Double
            let downscaleToZeroDelayS: Double?
            let upscalingFactor: Double
            let downscalingFactor: Double
            let lookBackPeriodS: Double
            let metricsIntervalS: Double
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
        let autoscaling: Autoscaling?
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
            replicas: replicas, autoscaling: autoscaling.map(Document.Autoscaling.init),
            versions: .init(serve: choice), warmup: .init(rows: warmupRows),
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

extension DeploymentConfiguration.Document.Autoscaling {
    fileprivate init(_ scaling: AutoscalingConfiguration) {
        minReplicas = scaling.minReplicas
        maxReplicas = scaling.maxReplicas
        initialReplicas = scaling.initialReplicas
        targetOngoingRequests = scaling.targetOngoingRequests
        targetQueueWaitMs = scaling.targetQueueWait?.milliseconds
        upscaleDelayS = scaling.upscaleDelay.milliseconds / 1000
        downscaleDelayS = scaling.downscaleDelay.milliseconds / 1000
        downscaleToZeroDelayS = scaling.downscaleToZeroDelay.map { $0.milliseconds / 1000 }
        upscalingFactor = scaling.upscalingFactor
        downscalingFactor = scaling.downscalingFactor
        lookBackPeriodS = scaling.lookBackPeriod.milliseconds / 1000
        metricsIntervalS = scaling.metricsInterval.milliseconds / 1000
    }
}
