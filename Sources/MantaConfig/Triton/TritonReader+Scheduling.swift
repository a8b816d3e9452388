import MantaCore
import MantaServing
import MantaWire

extension TritonReader {
    /// Reads how requests are put together and what may wait.
    mutating func readScheduling() {
        let rows = number(message.maxBatchSize, in: 0...65_536, "max_batch_size") ?? 0
        // A configuration that says nothing of the model leaves the decision to us, as it does to Triton.
        let isOpen = rows == 0 && message.input.isEmpty && message.output.isEmpty
        var batching = DeploymentConfiguration.Batching()
        batching.maxRows = isOpen ? nil : rows
        if case .dynamicBatching(let dynamic) = message.schedulingChoice {
            if !isOpen, rows == 0 {
                fault("dynamic_batching", "expected max_batch_size to be at least 1 beside it")
            }
            read(dynamic, rows: isOpen ? nil : rows, &batching)
        } else {
            batching.isAcrossRequests = rows == 0
        }
        change { $0.batching = batching }
    }

    private mutating func read(
        _ dynamic: Inference_ModelDynamicBatching, rows: Int?, _ batching: inout DeploymentConfiguration.Batching
    ) {
        let path = "dynamic_batching"
        if let delay = number(
            dynamic.maxQueueDelayMicroseconds, in: 0...60_000_000, "\(path).max_queue_delay_microseconds")
        {
            batching.maxDelay = .microseconds(delay)
        }
        // Without batches no size can be preferred; that there are none is refused already.
        let most = rows ?? DeploymentConfiguration.Batching.allowedRows.upperBound
        let sizes = (most == 0 ? [] : dynamic.preferredBatchSize).enumerated().compactMap { index, size in
            number(size, in: 1...most, "\(path).preferred_batch_size[\(index)]")
        }
        // The maximum by itself is what is preferred anyway.
        batching.preferredRows = sizes == [rows] ? [] : sizes
        batching.keepsOrder = dynamic.preserveOrdering
        readQueue(dynamic, path)
        if dynamic.preserveOrdering { refuseWithOrder(dynamic, path) }
    }

    private mutating func readQueue(_ dynamic: Inference_ModelDynamicBatching, _ path: String) {
        var queue = DeploymentConfiguration.Queue()
        if dynamic.priorityLevels > 0 {
            let levels = DeploymentConfiguration.Queue.allowedPriorities
            guard let count = number(dynamic.priorityLevels, in: levels, "\(path).priority_levels") else { return }
            queue.priorities = count
            queue.defaultPriority = number(
                dynamic.defaultPriorityLevel, in: 1...count, "\(path).default_priority_level")
        }
        let levels = queue.priorities ?? 0
        if dynamic.hasDefaultQueuePolicy {
            let policy = policy(dynamic.defaultQueuePolicy, "\(path).default_queue_policy")
            queue.defaultTimeout = policy.defaultTimeout ?? queue.defaultTimeout
            queue.onTimeout = policy.onTimeout ?? queue.onTimeout
            queue.timeoutOverride = policy.timeoutOverride ?? queue.timeoutOverride
            // Each level has a queue of its own, and each is bounded.
            if let bound = policy.maxRequests {
                queue.maxRequests = bound
                if levels > 0 {
                    for level in 1...levels { queue.policies[level, default: .init()].maxRequests = bound }
                }
            }
        }
        for (level, given) in dynamic.priorityQueuePolicy.sorted(by: { $0.key < $1.key }) {
            guard levels > 0 else {
                fault("\(path).priority_queue_policy", "expected priority_levels beside it")
                break
            }
            let name = "\(path).priority_queue_policy"
            guard let level = number(level, in: 1...levels, name) else { continue }
            // A level's policy counts as a whole.
            var policy = policy(given, name)
            policy.defaultTimeout = policy.defaultTimeout ?? DeploymentConfiguration.Queue().defaultTimeout
            queue.policies[level] = policy
        }
        if levels > 0 {
            let bounds = (1...levels).map { queue.policies[$0]?.maxRequests ?? queue.maxRequests }
            if queue.policies.values.contains(where: { $0.maxRequests != nil }) {
                queue.maxRequests = min(bounds.reduce(0, +), 1_000_000)
            }
        }
        change { $0.queue = queue }
    }

    private mutating func policy(
        _ policy: Inference_ModelQueuePolicy, _ path: String
    ) -> DeploymentConfiguration.Policy {
        var read = DeploymentConfiguration.Policy()
        if policy.maxQueueSize > 0 {
            read.maxRequests = number(policy.maxQueueSize, in: 1...1_000_000, "\(path).max_queue_size")
        }
        if policy.defaultTimeoutMicroseconds > 0 {
            read.defaultTimeout = number(
                policy.defaultTimeoutMicroseconds, in: 1...86_400_000_000, "\(path).default_timeout_microseconds"
            ).map { .microseconds($0) }
        }
        switch policy.timeoutAction {
        case .reject: read.onTimeout = .reject
        case .delay: read.onTimeout = .delay
        default: fault("\(path).timeout_action", "unknown word, expected REJECT or DELAY")
        }
        read.timeoutOverride = policy.allowTimeoutOverride ? .shorter : DeploymentConfiguration.TimeoutOverride.none
        return read
    }

    /// As Triton: the order of arrival can't be kept beside another.
    private mutating func refuseWithOrder(_ dynamic: Inference_ModelDynamicBatching, _ path: String) {
        if dynamic.priorityLevels > 1 {
            fault("\(path).priority_levels", "expected at most 1, since preserve_ordering is true")
        }
        let policies = [dynamic.defaultQueuePolicy] + dynamic.priorityQueuePolicy.values
        if policies.contains(where: { $0.defaultTimeoutMicroseconds > 0 && $0.timeoutAction == .delay }) {
            fault("\(path).preserve_ordering", "expected no queue policy with DELAY beside it")
        }
    }
}
