import MantaFleet
import MantaTime

extension World {
    /// Whether all is as wanted, long after the last thing went wrong.
    func checkConvergence(_ wishes: Operator) {
        let rule = "all is as wanted once the faults are over"
        let store = auditor.store
        let leaders = Set(fronts.map { $0.leader.leader ?? "nobody" })
        if leaders.count != 1 || !fronts.contains(where: { leaders.contains($0.process.name) }) {
            auditor.violated(rule, "\(leaders.sorted().joined(separator: ", ")) lead")
        }
        let living = Set(livingWorkers.map(\.process.name))
        for (node, record) in store.assignments.sorted(by: { $0.key < $1.key }) where !living.contains(node) {
            // What is broken is never ready elsewhere, and a leader that never saw the node takes nothing from it before.
            guard record.groups.contains(where: { $0.model != SimulatedModel.brokenFile }) else { continue }
            auditor.violated(rule, "\(node) is gone and has assignments")
        }
        // A front that was started again doesn't know what it wanted before, and ends nothing that others may want.
        let left = hasRestartedFront ? wishes.removed : []
        if Set(store.deployments.keys).subtracting(left) != Set(wishes.names) {
            auditor.violated(
                rule, "\(store.deployments.keys.sorted()) are in the store, \(wishes.names) are wanted")
        }
        for name in wishes.names {
            guard let record = store.deployments[name] else { continue }
            let ready = healthyReplicas
            // Where they follow the load, others may have been wanted a moment ago.
            let (present, recent) = (wishes.replicas(of: name), store.replicas(of: name, since: loop.now - .seconds(5)))
            let wanted = recent.reduce(present, min)...recent.reduce(present, max)
            guard let version = wishes.version(of: name) else {
                // One that is broken takes nothing away.
                let most = record.groups.map { ready[$0.name] ?? 0 }.max() ?? 0
                if most < wanted.lowerBound {
                    auditor.violated(rule, "\(name) has \(most) replicas of what was there before it was broken")
                }
                continue
            }
            let groups = record.versions.filter { $0.version == version }
            let count = groups.first.map { ready[$0.name] ?? 0 } ?? 0
            if !wanted.contains(count) {
                auditor.violated(rule, "\(name) version \(version) has \(count) replicas of \(present)")
            }
            // What rests, or rested a moment ago, keeps what was before it.
            let hasRested = store.fewestReplicas(of: name, since: loop.now - .seconds(30)) == 0
            if !record.kept.isEmpty, !hasRested { auditor.violated(rule, "\(name) keeps \(record.kept.map(\.name))") }
        }
        for front in fronts {
            for name in wishes.names where !auditor.requests.isEstablished(name, at: front.process.name) {
                auditor.violated(rule, "\(name) has never answered at \(front.process.name)")
            }
        }
        let old = auditor.requests.open.filter { $0.value.started + $0.value.timeout + .seconds(2) < loop.now }
        let processes = Set(fronts.map(\.process.name))
        for (number, request) in old.sorted(by: { $0.key < $1.key }) where processes.contains(request.front) {
            auditor.violated("no request is lost", "request \(number) to \(request.deployment) has no answer")
        }
    }

    /// How many replicas are ready on workers that run, by group.
    private var healthyReplicas: [String: Int] {
        livingWorkers.filter { !$0.isDraining }.reduce(into: [:]) { counts, worker in
            counts.merge(worker.host.readyCounts, uniquingKeysWith: +)
        }
    }
}
