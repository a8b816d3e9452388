import MantaCore
import MantaServing
import MantaWire

/// Turns Triton's configuration of a model into ours, and notes everything in it that Manta doesn't have.
struct TritonReader {
    let message: Inference_ModelConfig
    /// The model's folder, for files that are named.
    let folder: String?
    private(set) var configuration: DeploymentConfiguration
    /// What is wrong, and with which field.
    private(set) var faults: [(path: String, message: String)] = []

    init(_ message: Inference_ModelConfig, name: String, folder: String?) {
        self.message = message
        self.folder = folder
        configuration = DeploymentConfiguration(name: name)
    }

    /// Reads everything.
    mutating func read() {
        readIdentity()
        readFile()
        readVersions()
        readTensors()
        readScheduling()
        readInstances()
        readEngine()
        readWarmup()
        refuseTheRest()
    }

    /// Faults that are all told. A configuration with more of them is mended in two goes.
    private static let maxFaults = 64

    /// Says what is wrong with a field.
    mutating func fault(_ path: String, _ message: String) {
        if faults.count < Self.maxFaults { faults.append((path, message)) }
    }

    /// Says that a field asks for what Manta doesn't have, if it does.
    mutating func refuse(_ path: String, if isGiven: Bool, _ why: String) {
        if isGiven { fault(path, "not supported: \(why)") }
    }

    /// A number in a range, or `nil` and a fault.
    mutating func number(_ value: some BinaryInteger, in range: ClosedRange<Int>, _ path: String) -> Int? {
        guard let number = Int(exactly: value), range.contains(number) else {
            fault(path, "expected a whole number from \(range.lowerBound) to \(range.upperBound), got \(value)")
            return nil
        }
        return number
    }

    /// A file in a folder; a client that sends a configuration mustn't get at others.
    mutating func path(of name: String, in subfolder: String = "", _ path: String) -> String? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.contains(where: { $0.isNewline || $0 == "\0" }),
            parts.allSatisfy({ !["", ".", ".."].contains($0) })
        else {
            fault(path, "expected the name of a file in the model's folder, got \(ScalarValue.quoted(name))")
            return nil
        }
        guard let folder else {
            fault(path, "names the file \(ScalarValue.quoted(name)), but there is no folder that it could be in")
            return nil
        }
        return "\(folder)/\(subfolder)\(name)"
    }

    // MARK: What and which

    private mutating func readIdentity() {
        if !message.name.isEmpty, message.name != configuration.name {
            fault(
                "name",
                "expected \(ScalarValue.quoted(configuration.name)), the name of the folder, "
                    + "got \(ScalarValue.quoted(message.name))")
        }
        if message.platform != "", message.platform != "onnxruntime_onnx" {
            fault(
                "platform",
                "\(ScalarValue.quoted(message.platform)) is not supported: Manta serves ONNX models, "
                    + "expected \"onnxruntime_onnx\"")
        }
        if message.backend != "", message.backend != "onnxruntime" {
            fault(
                "backend",
                "\(ScalarValue.quoted(message.backend)) is not supported: Manta serves ONNX models, "
                    + "expected \"onnxruntime\"")
        }
        refuse("runtime", if: !message.runtime.isEmpty, "the engine is always ONNX Runtime")
    }

    private mutating func readFile() {
        // Files for kinds of GPU, `cc_model_filenames`, are for none that a CPU is.
        guard !message.defaultModelFilename.isEmpty else { return }
        if message.defaultModelFilename.isFileName {
            guard message.defaultModelFilename != "model.onnx" else { return }
            configuration.fileName = message.defaultModelFilename
        } else {
            fault(
                "default_model_filename",
                "expected the name of a file, without a folder, got \(ScalarValue.quoted(message.defaultModelFilename))"
            )
        }
    }

    private mutating func readVersions() {
        switch message.versionPolicy.policyChoice {
        case nil: break
        case .all: configuration.versions = .all
        case .latest(let latest):
            if let count = number(latest.numVersions, in: 1...1024, "version_policy.latest.num_versions") {
                configuration.versions = .latest(count)
            }
        case .specific(let specific):
            let versions = specific.versions.enumerated().compactMap { index, version in
                number(version, in: 1...Int(Int32.max), "version_policy.specific.versions[\(index)]")
            }
            if specific.versions.isEmpty { fault("version_policy.specific", "expected at least one version") }
            configuration.versions = .only(versions)
        }
    }

    private mutating func readInstances() {
        var replicas = 0
        for (index, group) in message.instanceGroup.enumerated() {
            let path = "instance_group[\(index)]"
            switch group.kind {
            case .auto, .cpu: break
            case .gpu: fault("\(path).kind", "KIND_GPU is not supported: Manta runs models on CPUs, expected KIND_CPU")
            default: fault("\(path).kind", "is not supported: expected KIND_CPU or KIND_AUTO")
            }
            // As many as Triton makes of an ONNX model on a CPU.
            replicas += group.count == 0 ? 2 : number(group.count, in: 1...1024, "\(path).count") ?? 0
            refuse("\(path).gpus", if: !group.gpus.isEmpty, "Manta runs models on CPUs")
            refuse("\(path).profile", if: !group.profile.isEmpty, "profiles are TensorRT's")
            refuse("\(path).passive", if: group.passive, "each instance takes requests")
            refuse("\(path).host_policy", if: !group.hostPolicy.isEmpty, "there are no host policies")
            refuse("\(path).secondary_devices", if: !group.secondaryDevices.isEmpty, "Manta runs models on CPUs")
            refuse(
                "\(path).rate_limiter", if: group.hasRateLimiter && group.rateLimiter != .init(),
                "replicas aren't limited by resources")
        }
        guard !message.instanceGroup.isEmpty else { return }
        configuration.replicas = number(replicas, in: 1...1024, "instance_group")
    }

    private mutating func refuseTheRest() {
        let ensemble = "a model that is made of others; have clients call them one after the other"
        switch message.schedulingChoice {
        case .ensembleScheduling: refuse("ensemble_scheduling", if: true, ensemble)
        case .sequenceBatching: refuse("sequence_batching", if: true, "requests don't depend on earlier ones")
        case .dynamicBatching, nil: break
        }
        refuse("batch_input", if: !message.batchInput.isEmpty, "inputs come from requests only")
        refuse("batch_output", if: !message.batchOutput.isEmpty, "each row of an output belongs to a row of the inputs")
        refuse("metric_tags", if: !message.metricTags.isEmpty, "metrics have the labels model and version only")
        refuse(
            "model_operations", if: !message.modelOperations.opLibraryFilename.isEmpty,
            "libraries of custom operators aren't loaded")
        refuse(
            "model_transaction_policy.decoupled", if: message.modelTransactionPolicy.decoupled,
            "each request has one reply")
        refuse(
            "model_repository_agents", if: !message.modelRepositoryAgents.agents.isEmpty,
            "model files are read as they are")
        if message.responseCache.enable { configuration.responseCache = .init() }
        refuse("model_metrics", if: !message.modelMetrics.metricControl.isEmpty, "metrics have buckets of their own")
    }

    // MARK: Parts in files of their own

    mutating func change(_ body: (inout DeploymentConfiguration) -> Void) { body(&configuration) }
}
