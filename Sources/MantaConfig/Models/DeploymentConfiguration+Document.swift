public import MantaServing
import MantaAutoscaler
import MantaCore
import MantaTime

extension DeploymentConfiguration {
    /// What is in force, under the keys of `model.yaml`, for the status.
    public struct Document: Encodable, Sendable {
        struct Batching: Encodable {
            let maxBatchSize: Int?
            let maxQueueDelayMs: Double
            let preferredBatchSizes: [Int]
            let acrossRequests: Bool
            let preserveOrder: Bool
        }

        struct Padding: Encodable {
            let dimension: Int
            let buckets: [Int]
            let value: Number
        }

        enum Number: Encodable {
            case integer(Int64), decimal(Double)

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                switch self {
                case .integer(let value): try container.encode(value)
                case .decimal(let value): try container.encode(value)
                }
            }
        }

        struct Port: Encodable {
            let name: String
            let datatype: String?
            let shape: [Int]?
            let reshape: [Int]?
            let optional: Bool?
            let format: String?
            let labels: Labels?
            let padding: Padding?
            let paddedDimensions: [Int]?
        }

        /// A file, or the names themselves.
        enum Labels: Encodable {
            case file(String)
            case names([String])

            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                switch self {
                case .file(let path): try container.encode(path)
                case .names(let names): try container.encode(names)
                }
            }
        }

        struct Policy: Encodable {
            let priority: Int?
            let maxRequests: Int?
            let defaultTimeoutMs: Double?
            let onTimeout: String?
            let timeoutOverride: String?
        }

        struct Sample: Encodable {
            struct Input: Encodable {
                let name: String
                let datatype: String
                let shape: [Int]
                let data: String?
                let file: String?
            }

            let name: String
            let rows: Int
            let count: Int
            let inputs: [Input]
        }

        struct Objective: Encodable {
            let p99Ms: Double
        }

        struct Queue: Encodable {
            let maxRequests: Int
            let maxBytes: Int
            let defaultTimeoutMs: Double
            let onTimeout: String
            let timeoutOverride: String
            let priorities: Int?
            let defaultPriority: Int?
            let policies: [Policy]
        }

        struct Hedge: Encodable {
            let afterP: Double
            let budget: Double
        }

        struct ResponseCache: Encodable {
            let maxBytes: Int
            let ttlS: Double?
        }

        struct Warmup: Encodable {
            let rows: [Int]
            let samples: [Sample]
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
            /// `nil` where they are tuned.
            let threads: Int?
            let execution: String
            let interOpThreads: Int
            let optimization: String
            let arena: Bool?
            let memoryPattern: Bool?
        }

        let engine: String
        let path: String?
        let fileName: String?
        let remote: [String]?
        let idempotent: Bool
        let hedge: Hedge?
        let inputs: [Port]
        let outputs: [Port]
        let batching: Batching
        let slo: Objective?
        let queue: Queue
        let responseCache: ResponseCache?
        let replicas: Int?
        let autoscaling: Autoscaling?
        let tuning: Bool
        let versions: Versions
        let warmup: Warmup
        let rollout: Rollout
        let resources: Resources
        let placement: Placement
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
            engine: engine, path: path, fileName: fileName,
            remote: remote.isEmpty ? nil : remote.map(\.description), idempotent: isIdempotent,
            hedge: hedge.map { .init(afterP: $0.afterPercentile, budget: $0.budget) },
            inputs: inputs.map(Document.Port.init),
            outputs: outputs.map(Document.Port.init), batching: .init(batching),
            slo: objective.map { .init(p99Ms: $0.milliseconds) }, queue: .init(queue),
            responseCache: responseCache.map {
                .init(maxBytes: $0.maxBytes, ttlS: $0.timeToLive.map { $0.milliseconds / 1000 })
            },
            replicas: replicas, autoscaling: autoscaling.map(Document.Autoscaling.init),
            tuning: isTuned,
            versions: .init(serve: choice),
            warmup: .init(rows: warmupRows, samples: warmupSamples.map(Document.Sample.init)),
            rollout: .init(
                trialRequests: rollout.trialRequests, trialS: rollout.trialTime.milliseconds / 1000,
                settleS: rollout.settleTime.milliseconds / 1000,
                drainTimeoutS: rollout.drainTimeout.milliseconds / 1000,
                allowSignatureChange: rollout.allowsSignatureChange),
            resources: .init(resources), placement: .init(placement),
            onnxruntime: .init(
                threads: isTuned ? nil : options.threads, execution: options.execution.rawValue,
                interOpThreads: options.interOpThreads, optimization: options.optimization.rawValue,
                arena: options.arena, memoryPattern: options.memoryPattern))
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

extension DeploymentConfiguration.Document.Batching {
    fileprivate init(_ batching: DeploymentConfiguration.Batching) {
        maxBatchSize = batching.maxRows
        maxQueueDelayMs = batching.maxDelay.milliseconds
        preferredBatchSizes = batching.preferredRows
        acrossRequests = batching.isAcrossRequests
        preserveOrder = batching.keepsOrder
    }
}

extension DeploymentConfiguration.Document.Queue {
    fileprivate init(_ queue: DeploymentConfiguration.Queue) {
        maxRequests = queue.maxRequests
        maxBytes = queue.maxBytes
        defaultTimeoutMs = queue.defaultTimeout.milliseconds
        onTimeout = queue.onTimeout.rawValue
        timeoutOverride = queue.timeoutOverride.rawValue
        priorities = queue.priorities
        defaultPriority = queue.defaultPriority
        policies = queue.policies.sorted { $0.key < $1.key }.map { priority, policy in
            .init(
                priority: priority, maxRequests: policy.maxRequests,
                defaultTimeoutMs: policy.defaultTimeout?.milliseconds, onTimeout: policy.onTimeout?.rawValue,
                timeoutOverride: policy.timeoutOverride?.rawValue)
        }
    }
}

extension DeploymentConfiguration.Document.Port {
    fileprivate init(_ port: TensorPort) {
        name = port.name
        datatype = port.dataType?.rawValue
        shape = port.shape
        reshape = port.reshape
        optional = port.isOptional ? true : nil
        format = port.format?.rawValue
        labels = port.labels.map { labels in labels.path.map { .file($0) } ?? .names(labels.names) }
        padding = port.padding.map { padding in
            let value: DeploymentConfiguration.Document.Number =
                switch padding.value {
                case .integer(let value): .integer(value)
                case .decimal(let value): .decimal(value)
                }
            return .init(dimension: padding.dimension, buckets: padding.buckets, value: value)
        }
        paddedDimensions = port.paddedDimensions
    }
}

extension DeploymentConfiguration.Document.Sample {
    fileprivate init(_ sample: WarmupSample) {
        name = sample.name
        rows = sample.rows
        count = sample.count
        inputs = sample.inputs.map { input in
            let (data, file): (String?, String?) =
                switch input.content {
                case .zeros: ("zeros", nil)
                case .random: ("random", nil)
                case .file(let file): (nil, file.path)
                }
            return Input(
                name: input.name, datatype: input.dataType.rawValue, shape: input.shape, data: data, file: file)
        }
    }
}
