package import MantaAutoscaler
import Synchronization

extension Deployment {
    /// The load here since the last time it was asked for, of the version that has the most of it; `nil` unless whoever
    /// leads the fleet scales by it.
    ///
    /// Each version has as many replicas as any other, so that it is the busiest that counts.
    package func measureLoad() -> LoadSample? {
        state.withLock { state in
            guard case .followed = state.wanted.scale else {
                state.meters = [:]
                return nil
            }
            var sum = LoadSample(ongoing: 0, queued: 0, replicas: 0)
            for version in state.scaledVersions {
                guard let sample = state.measureLoad(of: version) else { continue }
                sum.raise(to: sample)
            }
            return sum
        }
    }
}

extension Deployment.State {
    fileprivate mutating func measureLoad(of version: Int) -> LoadSample? {
        let held = held[version]?.count ?? 0
        if let serving = serving(version), var sample = meters[version, default: LoadMeter()].sample(of: serving) {
            sample.ongoing += held
            sample.queued += held
            return sample
        }
        // What requests look like is learned from a replica: without that, none can wait for one.
        let needed = signatures[version] == nil && controller.count(of: version) == 0 ? 1 : 0
        return LoadSample(ongoing: max(held, needed), queued: held, replicas: 0)
    }
}

extension LoadSample {
    fileprivate mutating func raise(to other: LoadSample) {
        ongoing = max(ongoing, other.ongoing)
        queued = max(queued, other.queued)
        queueWait = max(queueWait, other.queueWait)
        if other.arrivals >= arrivals || runTime == nil {
            (requestsPerBatch, runTime) = (other.requestsPerBatch, other.runTime)
        }
        arrivals = max(arrivals, other.arrivals)
        refused = max(refused, other.refused)
        replicas = max(replicas, other.replicas)
    }
}
