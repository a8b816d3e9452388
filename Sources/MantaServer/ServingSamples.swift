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
        var replicas: [String: Int] = ["starting": 0, "ready": 0, "draining": 0]
        var samples: [Sample] = []
        let routed = deployment.controller.routes.versions
        for (id, instance) in deployment.controller.instances {
            for phase in instance.replicas.values { replicas[phase.word, default: 0] += 1 }
            guard routed[instance.spec.version.number] == id, let served = deployment.instances[id] else { continue }
            let labels = [("model", served.id.name), ("version", String(served.id.version))]
            samples.append(Sample("manta_queue_requests", labels: labels, value: Double(served.queueDepth)))
        }
        for spec in deployment.controller.wanted {
            let number = spec.version.number
            let labels = [("model", deployment.wanted.name), ("version", String(number))]
            let isReady = routed[number] != nil || deployment.controller.routes.asleep.contains(number)
            samples.append(Sample("manta_model_ready", labels: labels, value: isReady ? 1 : 0))
        }
        for (state, count) in replicas {
            let labels = [("model", deployment.wanted.name), ("state", state)]
            samples.append(Sample("manta_replicas", labels: labels, value: Double(count)))
        }
        return samples
    }
}
