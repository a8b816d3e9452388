import MantaConfig
import MantaCore
import MantaWire

/// A model's configuration as JSON, with the keys that Triton prints: those with default values too, which clients read.
struct ModelConfigurationDocument: Encodable {
    struct VersionPolicy: Encodable {
        struct Latest: Encodable {
            let numVersions: UInt32
        }

        struct All: Encodable {}

        struct Specific: Encodable {
            let versions: [Int64]
        }

        let latest: Latest?
        let all: All?
        let specific: Specific?
    }

    struct Reshape: Encodable {
        let shape: [Int64]
    }

    struct Input: Encodable {
        let name: String
        let dataType: String
        let format: String
        let dims: [Int64]
        let reshape: Reshape?
        let isShapeTensor = false
        let allowRaggedBatch = false
        let optional: Bool
        let isNonLinearFormatIo = false
    }

    struct Output: Encodable {
        let name: String
        let dataType: String
        let dims: [Int64]
        let reshape: Reshape?
        let labelFilename: String
        let isShapeTensor = false
        let isNonLinearFormatIo = false
    }

    struct Optimization: Encodable {
        struct Graph: Encodable {
            let level: Int32
        }

        struct Switch: Encodable {
            let enable: Bool
        }

        let graph: Graph?
        let priority = "PRIORITY_DEFAULT"
        let inputPinnedMemory: Switch
        let outputPinnedMemory: Switch
        let gatherKernelBufferThreshold = 0
        let eagerBatching = false
    }

    struct QueuePolicy: Encodable {
        let timeoutAction: String
        let defaultTimeoutMicroseconds: UInt64
        let allowTimeoutOverride: Bool
        let maxQueueSize: UInt32
    }

    struct DynamicBatching: Encodable {
        let preferredBatchSize: [Int32]
        let maxQueueDelayMicroseconds: UInt64
        let preserveOrdering: Bool
        let priorityLevels: UInt64
        let defaultPriorityLevel: UInt64
        let defaultQueuePolicy: QueuePolicy?
        let priorityQueuePolicy: [String: QueuePolicy]
    }

    struct InstanceGroup: Encodable {
        let name: String
        let kind = "KIND_CPU"
        let count: Int32
        let gpus: [Int] = []
        let secondaryDevices: [Int] = []
        let profile: [String] = []
        let passive = false
        let hostPolicy = ""
    }

    struct Parameter: Encodable {
        let stringValue: String
    }

    struct Warmup: Encodable {
        struct Input: Encodable {
            let dataType: String
            let dims: [Int64]
            let zeroData: Bool?
            let randomData: Bool?
            let inputDataFile: String?
        }

        let name: String
        let batchSize: UInt32
        let inputs: [String: Input]
        let count: UInt32
    }

    let name: String
    let platform: String
    let backend: String
    let runtime = ""
    let versionPolicy: VersionPolicy
    let maxBatchSize: Int32
    let input: [Input]
    let output: [Output]
    let batchInput: [String] = []
    let batchOutput: [String] = []
    let optimization: Optimization
    let dynamicBatching: DynamicBatching?
    let instanceGroup: [InstanceGroup]
    let defaultModelFilename: String
    let ccModelFilenames: [String: String] = [:]
    let metricTags: [String: String] = [:]
    let parameters: [String: Parameter]
    let modelWarmup: [Warmup]
}

extension ModelConfigurationDocument {
    /// A configuration as `DataPlane.configuration(model:version:)` makes it.
    init(_ message: Inference_ModelConfig) {
        name = message.name
        platform = message.platform
        backend = message.backend
        versionPolicy = .init(message.versionPolicy)
        maxBatchSize = message.maxBatchSize
        input = message.input.map { input in
            Input(
                name: input.name, dataType: word(input.dataType), format: word(input.format), dims: input.dims,
                reshape: input.hasReshape ? .init(shape: input.reshape.shape) : nil, optional: input.optional)
        }
        output = message.output.map { output in
            Output(
                name: output.name, dataType: word(output.dataType), dims: output.dims,
                reshape: output.hasReshape ? .init(shape: output.reshape.shape) : nil,
                labelFilename: output.labelFilename)
        }
        let settings = message.optimization
        optimization = Optimization(
            graph: settings.hasGraph ? .init(level: settings.graph.level) : nil,
            inputPinnedMemory: .init(enable: settings.inputPinnedMemory.enable),
            outputPinnedMemory: .init(enable: settings.outputPinnedMemory.enable))
        if case .dynamicBatching(let batching) = message.schedulingChoice {
            dynamicBatching = .init(batching)
        } else {
            dynamicBatching = nil
        }
        instanceGroup = message.instanceGroup.map { .init(name: $0.name, count: $0.count) }
        defaultModelFilename = message.defaultModelFilename
        parameters = message.parameters.mapValues { .init(stringValue: $0.stringValue) }
        modelWarmup = message.modelWarmup.map(Warmup.init)
    }
}

extension ModelConfigurationDocument.VersionPolicy {
    fileprivate init(_ policy: Inference_ModelVersionPolicy) {
        switch policy.policyChoice {
        case .latest(let latest): self.init(latest: .init(numVersions: latest.numVersions), all: nil, specific: nil)
        case .all: self.init(latest: nil, all: .init(), specific: nil)
        case .specific(let specific): self.init(latest: nil, all: nil, specific: .init(versions: specific.versions))
        case nil: self.init(latest: nil, all: nil, specific: nil)
        }
    }
}

extension ModelConfigurationDocument.DynamicBatching {
    fileprivate init(_ batching: Inference_ModelDynamicBatching) {
        preferredBatchSize = batching.preferredBatchSize
        maxQueueDelayMicroseconds = batching.maxQueueDelayMicroseconds
        preserveOrdering = batching.preserveOrdering
        priorityLevels = batching.priorityLevels
        defaultPriorityLevel = batching.defaultPriorityLevel
        defaultQueuePolicy = batching.hasDefaultQueuePolicy ? .init(batching.defaultQueuePolicy) : nil
        priorityQueuePolicy = Dictionary(
            uniqueKeysWithValues: batching.priorityQueuePolicy.map { (String($0.key), .init($0.value)) })
    }
}

extension ModelConfigurationDocument.QueuePolicy {
    fileprivate init(_ policy: Inference_ModelQueuePolicy) {
        timeoutAction = policy.timeoutAction == .delay ? "DELAY" : "REJECT"
        defaultTimeoutMicroseconds = policy.defaultTimeoutMicroseconds
        allowTimeoutOverride = policy.allowTimeoutOverride
        maxQueueSize = policy.maxQueueSize
    }
}

extension ModelConfigurationDocument.Warmup {
    fileprivate init(_ warmup: Inference_ModelWarmup) {
        name = warmup.name
        batchSize = warmup.batchSize
        count = warmup.count
        inputs = warmup.inputs.mapValues { input in
            let kind = input.inputDataType
            let file: String? = if case .inputDataFile(let file) = kind { file } else { nil }
            return Input(
                dataType: word(input.dataType), dims: input.dims, zeroData: kind == .zeroData(true) ? true : nil,
                randomData: kind == .randomData(true) ? true : nil, inputDataFile: file)
        }
    }
}

private func word(_ type: Inference_DataType) -> String {
    guard let type = DataType(type) else { return "TYPE_INVALID" }
    return type == .bytes ? "TYPE_STRING" : "TYPE_" + type.rawValue
}

private func word(_ format: Inference_ModelInput.Format) -> String {
    switch format {
    case .nhwc: "FORMAT_NHWC"
    case .nchw: "FORMAT_NCHW"
    default: "FORMAT_NONE"
    }
}
