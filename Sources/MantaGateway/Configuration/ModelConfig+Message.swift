import MantaConfig
import MantaCore
import MantaServing
import MantaTime
import MantaWire

extension Inference_ModelConfig {
    /// What an instance of a version is served with.
    init(_ configuration: DeploymentConfiguration, signature: ModelSignature, plan: BatchPlan) {
        self.init()
        name = configuration.name
        backend = configuration.engine
        maxBatchSize = Int32(clamping: plan.maxRows)
        let isBatched = plan.maxRows > 0
        input = signature.inputs.map { spec in
            var input = Inference_ModelInput()
            let port = configuration.inputs.first { $0.name == spec.name }
            input.name = spec.name
            input.dataType = spec.dataType.tritonType
            input.dims = spec.dims(isBatched)
            input.optional = spec.isOptional
            if let reshape = port?.reshape { input.reshape.shape = reshape.map(Int64.init) }
            switch port?.format {
            case .nhwc: input.format = .nhwc
            case .nchw: input.format = .nchw
            case nil: break
            }
            return input
        }
        output = signature.outputs.map { spec in
            var output = Inference_ModelOutput()
            let port = configuration.outputs.first { $0.name == spec.name }
            output.name = spec.name
            output.dataType = spec.dataType.tritonType
            output.dims = spec.dims(isBatched)
            if let reshape = port?.reshape { output.reshape.shape = reshape.map(Int64.init) }
            output.labelFilename = port?.labels?.path.map(lastPart) ?? ""
            return output
        }
        if isBatched, plan.isShared { dynamicBatching = .init(configuration, maxRows: plan.maxRows) }
        if configuration.responseCache != nil { responseCache.enable = true }
        setEngine(configuration.options)
        modelWarmup = configuration.warmupSamples.map(Inference_ModelWarmup.init)
    }

    private mutating func setEngine(_ options: EngineOptions) {
        // Without a GPU there is no memory to pin.
        optimization.inputPinnedMemory = .init()
        optimization.outputPinnedMemory = .init()
        let levels: [EngineOptions.Optimization: Int32] = [.basic: -1, .extended: 1, .none: 2]
        if let level = levels[options.optimization] { optimization.graph.level = level }
        parameters["intra_op_thread_count"] = .init(String(options.threads))
        guard options.execution == .parallel else { return }
        parameters["execution_mode"] = .init("1")
        parameters["inter_op_thread_count"] = .init(String(options.interOpThreads))
    }
}

extension TensorSpec {
    /// Its sizes, without the batch.
    fileprivate func dims(_ isBatched: Bool) -> [Int64] {
        shape.dimensions.dropFirst(isBatched ? 1 : 0).map(Int64.init)
    }
}

extension Inference_ModelParameter {
    fileprivate init(_ text: String) {
        self.init()
        stringValue = text
    }
}

extension Inference_ModelVersionPolicy {
    /// Which versions are served.
    init(_ versions: DeploymentConfiguration.Versions) {
        self.init()
        switch versions {
        case .latest(let count): latest.numVersions = UInt32(clamping: count)
        case .all: all = .init()
        case .only(let numbers): specific.versions = numbers.map(Int64.init)
        }
    }
}

extension Inference_ModelDynamicBatching {
    /// How requests share batches, and what may wait.
    fileprivate init(_ configuration: DeploymentConfiguration, maxRows: Int) {
        self.init()
        let (batching, queue) = (configuration.batching, configuration.queue)
        let sizes = batching.preferredRows.isEmpty ? [maxRows] : batching.preferredRows
        preferredBatchSize = sizes.map { Int32(clamping: $0) }
        maxQueueDelayMicroseconds = batching.maxDelay.microseconds
        preserveOrdering = batching.keepsOrder
        priorityLevels = UInt64(queue.priorities ?? 0)
        defaultPriorityLevel = UInt64(queue.defaultPriority ?? 0)
        if queue != .init() { defaultQueuePolicy = .init(queue, .init()) }
        for (level, policy) in queue.policies { priorityQueuePolicy[UInt64(level)] = .init(queue, policy) }
    }
}

extension Inference_ModelQueuePolicy {
    /// A policy, with what it leaves out as in the queue.
    fileprivate init(_ queue: DeploymentConfiguration.Queue, _ policy: DeploymentConfiguration.Policy) {
        self.init()
        timeoutAction = (policy.onTimeout ?? queue.onTimeout) == .delay ? .delay : .reject
        defaultTimeoutMicroseconds = (policy.defaultTimeout ?? queue.defaultTimeout).microseconds
        allowTimeoutOverride = (policy.timeoutOverride ?? queue.timeoutOverride) != .none
        maxQueueSize = UInt32(clamping: policy.maxRequests ?? queue.maxRequests)
    }
}

extension Inference_ModelWarmup {
    fileprivate init(_ sample: WarmupSample) {
        self.init()
        name = sample.name
        batchSize = UInt32(clamping: sample.rows)
        count = UInt32(clamping: sample.count)
        for given in sample.inputs {
            var input = Inference_ModelWarmup.Input()
            input.dataType = given.dataType.tritonType
            input.dims = given.shape.map(Int64.init)
            switch given.content {
            case .zeros: input.zeroData = true
            case .random: input.randomData = true
            case .file(let file): input.inputDataFile = lastPart(of: file.path)
            }
            inputs[given.name] = input
        }
    }
}

extension Duration {
    fileprivate var microseconds: UInt64 {
        UInt64(components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000)
    }
}

private func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
