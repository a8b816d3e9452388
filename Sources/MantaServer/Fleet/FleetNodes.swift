import Logging
import MantaConfig
import MantaFleet
import MantaRuntime

/// The workers that a front starts and stops, as its configuration has them.
struct FleetNodes {
    /// Those that are processes of this machine.
    let local: LocalWorkers?
    /// Decides how many there are to be while this front leads; `nil` if that doesn't change.
    let manager: NodeManager?
    /// Where they come from, if it isn't this machine.
    let kubernetes: KubernetesNodes?

    /// None are started yet.
    ///
    /// - Parameters:
    ///   - configuration: What there is to be; `nil` for nothing.
    ///   - owner: The front's id.
    ///   - folder: The front's folder.
    ///   - cpus: Those of the machine.
    ///   - logger: Takes what operators should know.
    /// - Throws: `ConfigurationErrors` if the files of the pod's service account can't be read.
    init(
        _ configuration: NodesConfiguration?, owner: String, folder: String, cpus: Int, logger: Logger
    ) async throws {
        guard let configuration else {
            (local, manager, kubernetes) = (nil, nil, nil)
            return
        }
        let provider: any NodeProvider
        var shape = Resources(
            cpus: configuration.cpus.flatMap { Amount($0) } ?? .zero, memory: configuration.memory ?? 1 << 60,
            gpus: Amount(configuration.gpus) ?? .zero)
        switch configuration.provider {
        case .local(let process):
            // Together they have what the machine has.
            let part = Amount(Double(cpus) / Double(configuration.count.upperBound)) ?? Amount(1)
            if configuration.cpus == nil { shape.cpus = part }
            var settings = LocalWorkers.Settings(
                program: process.program, arguments: process.arguments + ["--cpus", "\(shape.cpus)"],
                folder: folder + "/workers", owner: owner)
            if let memory = configuration.memory { settings.arguments += ["--memory", "\(memory >> 20)"] }
            if configuration.gpus > 0 { settings.arguments += ["--gpus", "\(configuration.gpus)"] }
            let workers = LocalWorkers(settings, count: configuration.count.lowerBound, logger: logger)
            (local, kubernetes, provider) = (workers, nil, workers)
        case .kubernetes(let set):
            let settings = KubernetesNodes.Settings(
                server: set.server ?? "", statefulSet: set.statefulSet, namespace: set.namespace,
                serviceAccount: set.serviceAccount)
            let pods: KubernetesNodes
            do {
                pods = try await KubernetesNodes(settings)
            } catch {
                throw ConfigurationErrors(faults: [.init(file: "fleet.nodes.kubernetes", message: error.description)])
            }
            (local, kubernetes, provider) = (nil, pods, pods)
        }
        let scaling = NodeScaler.Configuration(
            count: configuration.count, idleTime: configuration.idleTime, shape: .init(shape))
        let isFixed = local != nil && configuration.count.count == 1
        manager = isFixed ? nil : NodeManager(provider, scaling, logger: logger)
    }
}
