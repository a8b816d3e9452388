public import MantaServing
import MantaAutoscaler
import MantaCore

extension DeploymentConfiguration {
    /// Reads a `model.yaml`. What it leaves out has its default.
    ///
    /// - Parameters:
    ///   - file: Its path.
    ///   - name: The model's name, that of the folder; the file may repeat it, but not change it.
    /// - Throws: ``ConfigurationErrors`` with every fault of the file.
    public init(file: String, name: String) throws(ConfigurationErrors) {
        try self.init(yaml: SourceText.read(file), file: file, name: name)
    }

    /// Reads the text of a `model.yaml`.
    ///
    /// - Parameters:
    ///   - yaml: The text.
    ///   - file: What messages call it. A relative `path` in the text begins at its folder.
    ///   - name: The model's name; the text may repeat it, but not change it.
    /// - Throws: ``ConfigurationErrors`` with every fault of the text.
    public init(yaml: String, file: String, name: String) throws(ConfigurationErrors) {
        self.init(name: name)
        var configuration = self
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
        let faults = MappingReader.faults(in: yaml, file: file) { configuration.read(&$0, folder: folder) }
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        self = configuration
    }

    private mutating func read(_ keys: inout MappingReader, folder: String) {
        keys.value("name", .name(name)) { name = $0 }
        keys.value("path", .path(in: folder)) { path = $0 }
        keys.value("file_name", .fileName) { fileName = $0 }
        keys.list("remote", of: .remoteAddress, isEmptyAllowed: false) { remote = $0 }
        keys.value("idempotent", .flag) { isIdempotent = $0 }
        keys.mapping("hedge") { keys in
            var hedge = Hedge()
            keys.value("after_p", .number(in: 1...99.9)) { hedge.afterPercentile = $0 }
            keys.value("budget", .number(in: 0.001...1)) { hedge.budget = $0 }
            self.hedge = hedge
        }
        if hedge != nil, !isIdempotent {
            keys.fault(
                "hedge", "\"hedge\" runs a batch twice, \"idempotent: false\" forbids that: expected one of both")
        }
        keys.value("engine", .word(["onnxruntime": "onnxruntime"])) { engine = $0 }
        keys.mapping("batching") { batching.read(&$0) }
        readPorts(&keys, folder: folder)
        keys.mapping("slo") { keys in
            keys.value("p99_ms", .milliseconds(in: 0.1...3_600_000)) { objective = $0 }
        }
        keys.mapping("queue") { queue.read(&$0) }
        keys.mapping("response_cache") { keys in
            var cache = ResponseCache()
            keys.value("max_bytes", .bytes(in: 1...1 << 40)) { cache.maxBytes = $0 }
            keys.value("ttl_s", .seconds(in: 0.001...86_400)) { cache.timeToLive = $0 }
            responseCache = cache
        }
        keys.value("replicas", .integer(in: 1...1024)) { replicas = $0 }
        keys.mapping("versions") { keys in
            readServedVersions(&keys)
            keys.notYetSupported("keep")
        }
        keys.mapping("warmup") { keys in
            keys.list("rows", of: .integer(in: 1...65_536)) { warmupRows = $0 }
            readSamples(&keys, folder: folder)
        }
        var hasThreads = false
        keys.mapping("onnxruntime") { keys in
            keys.value("threads", .integer(in: 1...1024)) { (options.threads, hasThreads) = ($0, true) }
            keys.value("execution", .word()) { options.execution = $0 }
            keys.value("inter_op_threads", .integer(in: 1...1024)) { options.interOpThreads = $0 }
            keys.value("optimization", .word()) { options.optimization = $0 }
            keys.value("arena", .flag) { options.arena = $0 }
            keys.value("memory_pattern", .flag) { options.memoryPattern = $0 }
        }
        keys.mapping("rollout") { keys in
            keys.value("trial_requests", .integer(in: 0...100_000)) { rollout.trialRequests = $0 }
            keys.value("trial_s", .seconds(in: 0...86_400)) { rollout.trialTime = $0 }
            keys.value("settle_s", .seconds(in: 0...86_400)) { rollout.settleTime = $0 }
            keys.value("drain_timeout_s", .seconds(in: 0...86_400)) { rollout.drainTimeout = $0 }
            keys.value("allow_signature_change", .flag) { rollout.allowsSignatureChange = $0 }
        }
        keys.mapping("autoscaling") { keys in
            var scaling = AutoscalingConfiguration()
            scaling.read(&keys)
            autoscaling = scaling
        }
        if replicas != nil, autoscaling != nil {
            keys.fault("autoscaling", "\"replicas\" pins the number, \"autoscaling\" frees it: expected one of both")
        }
        keys.value("tuning", .flag) { isTuned = $0 }
        if isTuned {
            let others = [
                ("replicas", replicas != nil), ("autoscaling", autoscaling != nil), ("onnxruntime.threads", hasThreads),
            ]
            for case (let key, true) in others {
                keys.fault("tuning", "\"tuning\" finds what \"\(key)\" sets: expected one of both")
            }
        }
        readNeeds(&keys)
        if !remote.isEmpty { readRemote(&keys) }
    }

    /// What is for models of this node only.
    private mutating func readRemote(_ keys: inout MappingReader) {
        let others = [
            "path", "file_name", "engine", "inputs", "outputs", "replicas", "autoscaling", "tuning", "versions",
            "warmup", "onnxruntime", "resources", "placement",
        ]
        for key in others where keys.form(of: key) != nil {
            keys.fault(key, "is for a model that this node loads, but \"remote\" names servers that have it loaded")
        }
        for (index, address) in remote.enumerated() where remote[..<index].contains(address) {
            keys.fault("remote", "\(address) is given twice")
        }
    }

    private mutating func readServedVersions(_ keys: inout MappingReader) {
        switch keys.form(of: "serve") {
        case .list:
            keys.list("serve", of: .integer(in: 1...Int(Int32.max)), isEmptyAllowed: false) { versions = .only($0) }
        case .mapping:
            keys.mapping("serve", required: ["latest"]) { keys in
                keys.value("latest", .integer(in: 1...1024)) { versions = .latest($0) }
            }
        case .single, nil:
            keys.value("serve", .versions) { versions = $0 }
        }
    }
}

extension AutoscalingConfiguration {
    fileprivate mutating func read(_ keys: inout MappingReader) {
        keys.value("min_replicas", .integer(in: 0...1024)) { minReplicas = $0 }
        keys.value("max_replicas", .integer(in: 1...1024)) { maxReplicas = $0 }
        keys.value("initial_replicas", .integer(in: 0...1024)) { initialReplicas = $0 }
        keys.value("target_ongoing_requests", .number(in: 0.01...1_000_000)) { targetOngoingRequests = $0 }
        keys.value("target_queue_wait_ms", .milliseconds(in: 0.1...3_600_000)) { targetQueueWait = $0 }
        keys.value("upscale_delay_s", .seconds(in: 0...86_400)) { upscaleDelay = $0 }
        keys.value("downscale_delay_s", .seconds(in: 0...86_400)) { downscaleDelay = $0 }
        keys.value("downscale_to_zero_delay_s", .seconds(in: 0...86_400)) { downscaleToZeroDelay = $0 }
        keys.value("upscaling_factor", .number(in: 0.01...100)) { upscalingFactor = $0 }
        keys.value("downscaling_factor", .number(in: 0.01...1)) { downscalingFactor = $0 }
        keys.value("look_back_period_s", .seconds(in: 0.01...86_400)) { lookBackPeriod = $0 }
        keys.value("metrics_interval_s", .seconds(in: 0.01...3_600)) { metricsInterval = $0 }
        // What only several keys together show.
        for fault in faults { keys.fault(fault.key, fault.message) }
    }
}

extension Kind<DeploymentConfiguration.Versions> {
    fileprivate static var versions: Self {
        let words = Self.word(["latest": .latest(1), "all": .all])
        return Kind(
            expected: "latest, all, a list of versions such as [1, 3], or {latest: 2}", value: words.value)
    }
}

extension Kind<RemoteAddress> {
    fileprivate static var remoteAddress: Self {
        Kind(expected: "the URL of a model, such as http://host:8000/v2/models/name") { scalar in
            if case .string(let url) = scalar { RemoteAddress(url) } else { nil }
        }
    }
}

extension Kind<String> {
    fileprivate static func name(_ name: String) -> Self {
        Kind(expected: "\(ScalarValue.quoted(name)), the name of the deployment") { scalar in
            scalar == .string(name) ? name : nil
        }
    }
}
