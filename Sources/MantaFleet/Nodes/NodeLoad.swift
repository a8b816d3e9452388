import MantaRuntime

/// What there is to do for workers, as whoever decides how many there are to be has to know it.
///
/// A deployment that gets one replica on each worker follows their number and doesn't ask for another: it counts as one
/// that wants a single replica. So such a deployment gets a first worker, and keeps a last one.
struct NodeLoad {
    /// The provider's workers that have joined, by number. One that drains will come back as another.
    let workers: [Int: NodeScaler.Worker]
    /// Replicas that have no place.
    let waiting: [Demand]

    /// The load of what is to be.
    init(_ result: FleetPlan.Result, fleet: FleetState, provider: any NodeProvider) {
        let pending = Dictionary(result.pending.map { ($0.group, $0.count) }, uniquingKeysWith: +)
        let hosts = result.assignments.mapValues { Set($0.replicas.map(\.group)) }
        let counts = Dictionary(hosts.values.flatMap(\.self).map { ($0, 1) }, uniquingKeysWith: +)
        var waiting: [Demand] = []
        var everywhere: Set<String> = []
        for deployment in result.deployments.values {
            if deployment.replicas == nil { everywhere.formUnion(deployment.groups.map(\.name)) }
            for var demand in deployment.demands(on: []) {
                let isAnywhere = counts[demand.group] != nil
                demand.count = deployment.replicas == nil ? (isAnywhere ? 0 : 1) : pending[demand.group] ?? 0
                if demand.count > 0 { waiting.append(demand) }
            }
        }
        self.waiting = waiting
        var workers: [Int: NodeScaler.Worker] = [:]
        for record in fleet.nodes.values where record.kind == .worker && !record.isDraining {
            guard let number = provider.number(of: record) else { continue }
            let groups = hosts[record.id] ?? []
            workers[number] = .init(
                .init(record.capacity.resources, labels: record.labels),
                isBusy: groups.contains { !everywhere.contains($0) || counts[$0] == 1 })
        }
        self.workers = workers
    }

    /// Adds to what a deployment says of a group without a place.
    func note(_ text: String, of group: String, in result: inout FleetPlan.Result) {
        for (name, deployment) in result.deployments where deployment.groups.contains(where: { $0.name == group }) {
            let lack = deployment.pending[group] ?? "a replica can't be placed: there are no workers"
            result.deployments[name]?.pending[group] = "\(lack); \(text)"
        }
    }
}
