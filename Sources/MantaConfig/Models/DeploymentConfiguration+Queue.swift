import MantaServing

extension DeploymentConfiguration.Batching {
    /// Rows that a configuration may ask for.
    static let allowedRows = 1...65_536

    mutating func read(_ keys: inout MappingReader) {
        keys.value("max_batch_size", .integer(in: 0...65_536)) { maxRows = $0 }
        keys.value("max_queue_delay_ms", .milliseconds(in: 0...60_000)) { maxDelay = $0 }
        keys.list("preferred_batch_sizes", of: .integer(in: Self.allowedRows)) { preferredRows = $0 }
        keys.value("across_requests", .flag) { isAcrossRequests = $0 }
        keys.value("preserve_order", .flag) { keepsOrder = $0 }
        for fault in faults { keys.fault(fault.key, fault.message) }
    }

    /// What is wrong with values that are right by themselves.
    var faults: [(key: String, message: String)] {
        guard let maxRows, let size = preferredRows.first(where: { $0 > maxRows }) else { return [] }
        return [("preferred_batch_sizes", "expected at most max_batch_size, which is \(maxRows), got \(size)")]
    }
}

extension DeploymentConfiguration.Queue {
    /// Levels of priority that a configuration may have.
    static let allowedPriorities = 1...1024

    mutating func read(_ keys: inout MappingReader) {
        keys.value("max_requests", .integer(in: 1...1_000_000)) { maxRequests = $0 }
        keys.value("max_bytes", .bytes(in: 1...1 << 40)) { maxBytes = $0 }
        keys.value("default_timeout_ms", .timeout) { defaultTimeout = $0 }
        keys.value("on_timeout", .word()) { onTimeout = $0 }
        keys.value("timeout_override", .word()) { timeoutOverride = $0 }
        keys.value("priorities", .integer(in: Self.allowedPriorities)) { priorities = $0 }
        keys.value("default_priority", .integer(in: Self.allowedPriorities)) { defaultPriority = $0 }
        keys.mappings("policies", required: ["priority"]) { keys in
            var policy = DeploymentConfiguration.Policy()
            keys.value("max_requests", .integer(in: 1...1_000_000)) { policy.maxRequests = $0 }
            keys.value("default_timeout_ms", .timeout) { policy.defaultTimeout = $0 }
            keys.value("on_timeout", .word()) { policy.onTimeout = $0 }
            keys.value("timeout_override", .word()) { policy.timeoutOverride = $0 }
            var level: Int?
            keys.value("priority", .integer(in: Self.allowedPriorities)) { level = $0 }
            guard let level else { return }
            if policies[level] != nil { keys.fault("priority", "\(level) has a policy already") }
            policies[level] = policy
        }
        for fault in faults { keys.fault(fault.key, fault.message) }
    }

    /// What is wrong with values that are right by themselves.
    var faults: [(key: String, message: String)] {
        let least = "expected at most priorities, which is \(priorities ?? 0), got "
        var faults: [(key: String, message: String)] = []
        if let priorities, let defaultPriority, defaultPriority > priorities {
            faults.append(("default_priority", least + "\(defaultPriority)"))
        }
        if let priorities, let level = policies.keys.max(), level > priorities {
            faults.append(("policies", "priority: " + least + "\(level)"))
        }
        return faults
    }
}

extension Kind<Duration> {
    /// How long a request may wait.
    fileprivate static var timeout: Self { .milliseconds(in: 0.001...86_400_000) }
}
