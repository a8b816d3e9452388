import MantaCore
import MantaServing
import MantaTelemetry

/// What is measured when somebody looks: queues, versions and replicas as they are.
struct ServingSamples: Sendable {
    let catalog: ModelCatalog

    func register(in registry: PrometheusRegistry) {
        registry.collect { ProcessSamples.read() }
        registry.collect { catalog.all.map(\.snapshot).flatMap(samples) }
    }

    private func samples(of deployment: DeploymentSnapshot) -> [Sample] {
        var samples: [Sample] = []
        let routed = deployment.controller.routes.versions
        for (id, instance) in deployment.controller.instances {
            guard routed[instance.spec.version.number] == id, let served = deployment.instances[id] else { continue }
            let labels = [("model", served.id.name), ("version", String(served.id.version))]
            samples.append(Sample("manta_queue_requests", labels: labels, value: Double(served.queueDepth)))
            if let threads = served.threads {
                samples.append(Sample("manta_replica_threads", labels: labels, value: Double(threads)))
            }
            if let cache = served.cache { samples += self.samples(of: cache, labels: labels) }
        }
        for spec in deployment.controller.wanted {
            let number = spec.version.number
            let labels = [("model", deployment.wanted.name), ("version", String(number))]
            let isReady = routed[number] != nil || deployment.asleep.contains(number)
            samples.append(Sample("manta_model_ready", labels: labels, value: isReady ? 1 : 0))
        }
        let isHalted = deployment.state == .halted
        samples.append(
            Sample("manta_update_halted", labels: [("model", deployment.wanted.name)], value: isHalted ? 1 : 0))
        return samples + replicas(of: deployment)
    }

    private func samples(of cache: CacheSummary, labels: [(String, String)]) -> [Sample] {
        [
            Sample("manta_cache_hits_total", .counter, labels: labels, value: Double(cache.hits)),
            Sample("manta_cache_misses_total", .counter, labels: labels, value: Double(cache.misses)),
            Sample("manta_cache_evictions_total", .counter, labels: labels, value: Double(cache.evictions)),
            Sample("manta_cache_bytes", labels: labels, value: Double(cache.byteCount)),
        ]
    }

    /// By version and state; each version that is wanted has a number for each state, if only 0.
    private func replicas(of deployment: DeploymentSnapshot) -> [Sample] {
        let instances = deployment.controller.instances.values
        let versions = Set(instances.map(\.spec.version.number) + deployment.controller.wanted.map(\.version.number))
        return versions.sorted().flatMap { version in
            let phases = instances.filter { $0.spec.version.number == version }.flatMap(\.replicas.values)
            return DeploymentController.ReplicaPhase.allCases.map { phase in
                Sample(
                    "manta_replicas",
                    labels: [
                        ("model", deployment.wanted.name), ("version", String(version)), ("state", phase.rawValue),
                    ],
                    value: Double(phases.count { $0 == phase }))
            }
        }
    }
}
