import MantaBatching

extension BatchLimits {
    /// What a configuration allows for, and a plan needs.
    init(_ configuration: DeploymentConfiguration, _ plan: BatchPlan) {
        let queue = configuration.queue
        self.init(
            requests: queue.maxRequests, bytes: queue.maxBytes, rows: plan.maxRows,
            delay: configuration.batching.maxDelay)
        preferred = Set(configuration.batching.preferredRows.filter { $0 <= plan.maxRows })
        isShared = plan.isShared
        for (priority, policy) in queue.policies { requestsOfPriority[UInt32(priority)] = policy.maxRequests }
    }
}
